"""A real server for tests: the entry process, started as a person starts it, and its end."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from queue import Empty, SimpleQueue

from scripts.free_ports import free_ports
from scripts.known_keys import make_known_keys

ROOT = Path(__file__).parents[2]
MODEL_REPOSITORY = ROOT / "model_repository"
ENSEMBLE_REPOSITORY = ROOT / "ensemble_configs"
# Two equal pictures would differ in their marks; consent has tests of its own.
LENIENT = """
[mark]
watermarker = "none"
[consent]
required = false
raw_embeddings = true
"""
STAGE_KEY = "s" * 43  # so that a test can be let in where nobody else is
START_TIMEOUT_S = 240.0  # the real models, on two busy cores
STOP_TIMEOUT_S = 60.0
_ENTRY = """
import json
import sys
from pathlib import Path
from instantid_server.serving.entry import main
from instantid_server.serving.options import ServeOptions

models, ensembles, keys, records, policy, stages, gateway, *rest = sys.argv[1:]
profile, remote, only, log, *ports = rest
http, grpc, metrics, control = map(int, ports)
sys.exit(main(ServeOptions(
    Path(models), Path(ensembles), Path(keys), Path(records), Path(policy), profile or None,
    Path(stages), Path(gateway) if gateway else None, json.loads(remote), tuple(only.split()),
    http_port=http, grpc_port=grpc, metrics_port=metrics, control_port=control,
    log_path=Path(log), exit_timeout_s=5,
)))
"""


@dataclass(frozen=True)
class Ports:
    """The ports of a server."""

    http: int
    grpc: int
    metrics: int
    control: int

    @classmethod
    def free(cls) -> "Ports":
        """Return ports that nobody listens on."""
        return cls(*free_ports(len(fields(cls))))


@dataclass(frozen=True)
class RunningServer:
    """An entry process; its Triton listens on 127.0.0.1 once `ready_line` has come."""

    process: subprocess.Popen[str]
    ports: Ports
    log_path: Path
    complaint_path: Path
    lines: SimpleQueue[str | None] = field(default_factory=SimpleQueue)

    @property
    def http_url(self) -> str:
        """What tritonclient.http takes."""
        return f"127.0.0.1:{self.ports.http}"

    @property
    def grpc_url(self) -> str:
        """What tritonclient.grpc takes."""
        return f"127.0.0.1:{self.ports.grpc}"

    @property
    def metrics_url(self) -> str:
        """Where Triton's counters are."""
        return f"127.0.0.1:{self.ports.metrics}"

    @property
    def control_url(self) -> str:
        """Where the entry process answers probes."""
        return f"127.0.0.1:{self.ports.control}"

    def ready_line(self, timeout_s: float = START_TIMEOUT_S) -> str:
        """Wait for the line that says ready; raises AssertionError with the log without one."""
        try:
            line = self.lines.get(timeout=timeout_s)
        except Empty:
            line = None
        assert line is not None, f"no server:\n{self.complaint()}\n{self.log()[-4000:]}"
        return line

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal unless the process has ended; return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(STOP_TIMEOUT_S)

    def complaint(self) -> str:
        """Return what the entry process has written on standard error."""
        return self.complaint_path.read_text()

    def log(self) -> str:
        """Return Triton's log so far."""
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""


def start_entry(
    folder: Path,
    models: Path = MODEL_REPOSITORY,
    ensembles: Path = ENSEMBLE_REPOSITORY,
    profile: str | None = None,
    ports: Ports | None = None,
    policy: str = "",
    environment: dict[str, str] | None = None,
    gateway_key: str = "",
    remote: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> RunningServer:
    """Start an entry process that logs into `folder`, and return without waiting for it."""
    chosen = Ports.free() if ports is None else ports
    log_path = folder / "triton.log"
    complaint_path = folder / "entry.stderr"
    numbers = map(str, astuple(chosen))
    keys, records = folder / "keys", folder / "records.jsonl"
    if not keys.exists():  # as with a server that is started again
        make_known_keys(keys)
    page = folder / "policy.toml"
    page.write_text(policy)
    stages = _key_file(folder / "stage.key", STAGE_KEY)
    gateway = _key_file(folder / "gateway.key", gateway_key) if gateway_key else ""
    paths = map(str, (models, ensembles, keys, records, page, stages, gateway))
    apart = (json.dumps(dict(remote or {})), " ".join(only))
    arguments = (*paths, profile or "", *apart, str(log_path), *numbers)
    with complaint_path.open("w") as complaint:
        process = subprocess.Popen(
            [sys.executable, "-c", _ENTRY, *arguments],
            stdout=subprocess.PIPE,
            stderr=complaint,
            text=True,
            env=environment,
        )
    server = RunningServer(process, chosen, log_path, complaint_path)
    threading.Thread(target=_read_lines, args=(server,), daemon=True).start()
    return server


@contextlib.contextmanager
def running_server(
    folder: Path,
    models: Path = MODEL_REPOSITORY,
    ensembles: Path = ENSEMBLE_REPOSITORY,
    profile: str | None = None,
    policy: str = "",
    environment: dict[str, str] | None = None,
    gateway_key: str = "",
    remote: Mapping[str, str] | None = None,
    only: Sequence[str] = (),
) -> Iterator[RunningServer]:
    """A server, by default of the repository as checked out, ready for requests."""
    server = start_entry(
        folder,
        models,
        ensembles,
        profile,
        policy=policy,
        environment=environment,
        gateway_key=gateway_key,
        remote=remote,
        only=only,
    )
    try:
        server.ready_line()
        yield server
    finally:
        server.stop()


def _key_file(path: Path, key: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(key)
    return path


def _read_lines(server: RunningServer) -> None:
    assert server.process.stdout is not None
    with server.process.stdout as stdout:
        for line in stdout:
            server.lines.put(line.rstrip("\n"))
    server.lines.put(None)
