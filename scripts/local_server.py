"""A server of this checkout's repository for one script: started before it, gone after it."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.free_ports import free_ports
from scripts.known_keys import known_keys_folder
from scripts.orphans import end_with_parent
from scripts.reports import ROOT

# What is measured here is not consent, which `make consent` measures; the persons are drawn.
WITHOUT_CONSENT = """
[consent]
required = false
raw_embeddings = true
"""
START_TIMEOUT_S = 300.0  # as `instantid serve` has it


@dataclass(frozen=True)
class LocalServer:
    """Where a ready server listens, for `instantid_client.Client`."""

    http_url: str
    grpc_url: str
    metrics_url: str
    control_url: str
    ready_line: str
    records_path: Path
    process: subprocess.Popen[str]  # the entry process


@contextlib.contextmanager
def local_server(
    models: Path = ROOT / "model_repository",
    ensembles: Path = ROOT / "ensemble_configs",
    start_timeout_s: float = START_TIMEOUT_S,
    profile: str | None = None,
    policy: str = WITHOUT_CONSENT,
    environment: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
) -> Iterator[LocalServer]:
    """Run `instantid serve` on free ports until the block ends, by whatever end.

    `policy` is the text of the policy's page; an empty one is the default policy. `environment` is
    added to this process's own, `flags` are to the command.
    Raises SystemExit if it does not start; its own message is on standard error by then.
    """
    http, grpc, metrics, control = free_ports(4)
    command = [str(Path(sys.executable).with_name("instantid")), "serve"]
    command += ["--http-port", str(http), "--grpc-port", str(grpc), "--metrics-port", str(metrics)]
    command += ["--control-port", str(control), "--keys", str(known_keys_folder())]
    command += ["--model-repository", str(models), "--ensemble-repository", str(ensembles)]
    command += ["--start-timeout", str(start_timeout_s), *flags]
    if profile is not None:
        command += ["--profile", profile]
    # A script that is told to end must still end its server.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with TemporaryDirectory(prefix="instantid-") as scratch:
        page = Path(scratch, "policy.toml")
        page.write_text(policy)
        records = Path(scratch, "records.jsonl")
        command += ["--records", str(records), "--policy", str(page)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            preexec_fn=end_with_parent,
        )
        assert process.stdout is not None
        try:
            ready_line = process.stdout.readline().strip()
            if not ready_line:
                raise SystemExit(process.wait() or 1)
            yield LocalServer(
                http_url=f"127.0.0.1:{http}",
                grpc_url=f"127.0.0.1:{grpc}",
                metrics_url=f"127.0.0.1:{metrics}",
                control_url=f"127.0.0.1:{control}",
                ready_line=ready_line,
                records_path=records,
                process=process,
            )
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def server_name(entry_pid: int) -> str:
    """Return how the names of all processes and files of an entry process's server begin."""
    return f"instantid-{entry_pid}-"
