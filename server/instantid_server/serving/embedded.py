"""The embedded Triton: the server of the wheel, run as a child of this process."""

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from instantid_server.serving.command import EMBEDDED_VERSION, CommandOptions, triton_arguments
from instantid_server.serving.environment import server_environment, usable_cores
from instantid_server.serving.health import Health
from instantid_server.serving.lease import Lease
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.preflight import Installation
from instantid_server.serving.scratch import Scratch, lay_out

_GRACE_S = 10.0  # after Triton's time for requests in flight: it unloads, and ends the stubs
_POLL_S = 0.05


@dataclass(frozen=True)
class EmbeddedTriton:
    """A started server; `process` leads a process group of its own, with the stubs in it."""

    process: subprocess.Popen[bytes]
    health: Health
    log_path: Path
    exit_timeout_s: int

    def stop(self, in_haste: Callable[[], bool]) -> bool:
        """Ask for a clean end, and kill if it takes too long; tell which of the two it was.

        `in_haste` is asked time and again, and may shorten the wait.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.exit_timeout_s + _GRACE_S
        while self.process.poll() is None:
            if in_haste() or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                return False
            time.sleep(_POLL_S)
        return True


def start_triton(options: ServeOptions, installation: Installation, lease: Lease) -> EmbeddedTriton:
    """Start the server; it loads its models while the caller waits for its health."""
    scratch = lay_out(
        lease.scratch,
        installation.wheel,
        installation.libpython,
        (options.model_repository, options.ensemble_repository),
    )
    command = _command_options(options, scratch, lease, secrets.token_urlsafe(24))
    environment = server_environment(
        os.environ, (scratch.lib, installation.wheel.libraries), options.num_threads
    )
    log_path = scratch.log if options.log_path is None else options.log_path
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(installation.wheel.server), *triton_arguments(EMBEDDED_VERSION, command)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,  # Ctrl-C is for the entry process, which then stops Triton
        )
    health = Health(options.host, options.http_port, command.admin_key)
    return EmbeddedTriton(process, health, log_path, options.exit_timeout_s)


def _command_options(
    options: ServeOptions, scratch: Scratch, lease: Lease, admin_key: str
) -> CommandOptions:
    return CommandOptions(
        model_repositories=scratch.repositories,
        admin_key=admin_key,
        shm_prefix=lease.shm_prefix,
        backend_directory=scratch.backends,
        profile=options.profile,
        host=options.host,
        http_port=options.http_port,
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        load_threads=2 * usable_cores(),  # more of them only fight for the cores
        exit_timeout_s=options.exit_timeout_s,
    )
