"""Triton as a child of this process: the server of the wheel, or that of NVIDIA's container."""

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

from instantid_server.caller import TENANT_HEADER, TENANT_VARIABLE
from instantid_server.contract import MODELS, TENANT_PARAMETER
from instantid_server.desk_link import DESK_VARIABLE
from instantid_server.remote import REMOTE_VARIABLE
from instantid_server.serving.api import TritonApi
from instantid_server.serving.command import CommandOptions, triton_arguments
from instantid_server.serving.doors import Doors
from instantid_server.serving.environment import quiet_allocator, server_environment, usable_cores
from instantid_server.serving.installation import Installation
from instantid_server.serving.lease import Lease
from instantid_server.serving.log_file import MOST_BYTES, LogFile
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.placement import absent_models
from instantid_server.serving.remains import find_shared_memory, kill_processes
from instantid_server.serving.scratch import Scratch, lay_out
from instantid_server.stage_key import STAGE_KEY_VARIABLE
from instantid_server.trust.keys import KEYS_VARIABLE
from instantid_server.trust.policy import POLICY_VARIABLE, Policy

_GRACE_S = 10.0  # after Triton's time for requests in flight: it unloads, and ends the stubs
_POLL_S = 0.05


class TritonChild:
    """One server that may be started many times; its process leads a group with the stubs in it."""

    def __init__(
        self,
        options: ServeOptions,
        installation: Installation,
        cuda_pools_mib: Mapping[int, int],
        lease: Lease,
        policy: Policy,
        doors: Doors,
    ) -> None:
        """Lay out what the server needs; nothing is started."""
        repositories = (options.model_repository, options.ensemble_repository)
        scratch = lay_out(lease.scratch, installation.loose_parts, repositories)
        absent = absent_models(options.only_stages, options.remote_stages)
        command = _command_options(options, cuda_pools_mib, scratch, lease, doors, absent)
        executable = str(installation.server)
        self._command = [executable, *triton_arguments(installation.version, command)]
        self._environment = server_environment(
            os.environ,
            scratch.libraries,
            options.num_threads,
            {
                DESK_VARIABLE: str(lease.desk_path),
                KEYS_VARIABLE: str(options.keys_folder.resolve()),
                POLICY_VARIABLE: policy.to_json(),
                STAGE_KEY_VARIABLE: doors.stage_key.text,
                REMOTE_VARIABLE: json.dumps(dict(options.remote_stages)),
                TENANT_VARIABLE: TENANT_PARAMETER if doors.gateway_key is None else TENANT_HEADER,
            },
            quiet_allocator(),
        )
        self._shm_prefix = lease.shm_prefix
        self._exit_timeout_s = options.exit_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self.log = (
            LogFile(scratch.log, MOST_BYTES)
            if options.log_path is None
            else LogFile(options.log_path, None)
        )
        self.name = lease.name
        self.api = TritonApi(options.host, options.http_port, command.admin_key, absent)

    def start(self) -> None:
        """Start the server; it loads its models while the caller waits for its health."""
        with self.log.open() as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,  # Ctrl-C is for the entry process, which then stops Triton
            )

    def ending(self) -> str | None:
        """Return how the server ended, None while it runs."""
        status = None if self._process is None else self._process.poll()
        if status is None:
            return None
        return f"signal {-status}" if status < 0 else f"status {status}"

    def stop(self, in_haste: Callable[[], bool]) -> bool:
        """Ask for a clean end, and kill if it takes too long; tell which of the two it was.

        `in_haste` is asked time and again, and may shorten the wait.
        """
        if self._process is None:
            return True
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._exit_timeout_s + _GRACE_S
        while self._process.poll() is None:
            if in_haste() or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                return False
            time.sleep(_POLL_S)
        return True

    def kill(self) -> None:
        """End the server at once, with its stubs and their shared memory, so that it can start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        kill_processes(self.name)
        for path in find_shared_memory(self._shm_prefix):
            path.unlink(missing_ok=True)


def _command_options(
    options: ServeOptions,
    cuda_pools_mib: Mapping[int, int],
    scratch: Scratch,
    lease: Lease,
    doors: Doors,
    absent: frozenset[str],
) -> CommandOptions:
    return CommandOptions(
        model_repositories=scratch.repositories,
        admin_key=secrets.token_urlsafe(24),
        shm_prefix=lease.shm_prefix,
        backend_directory=scratch.backends,
        profile=options.profile,
        models=tuple(sorted(MODELS.keys() - absent)) if absent else ("*",),
        gateway_key=doors.gateway_key,
        host=options.host,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        cuda_pools_mib=cuda_pools_mib,
        load_threads=2 * usable_cores(),  # more of them only fight for the cores
        exit_timeout_s=options.exit_timeout_s,
    )
