"""The entry process: the one owner of a running server, in the foreground from start to end.

It starts Triton as its child and the leash beside it, waits until every model is ready, says so in
one line on standard output, and watches. SIGTERM, SIGINT or SIGHUP end it cleanly; a second one in
haste.
"""

import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from instantid_server.serving.embedded import EmbeddedTriton, start_triton
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.lease import Lease, release, sweep_stale, take_lease
from instantid_server.serving.leash import start_leash
from instantid_server.serving.libpython import SONAME
from instantid_server.serving.log import LogEcho, last_lines, model_failures
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.preflight import Installation, check_all, memory_warning
from instantid_server.serving.stubs import check_stubs

_START_POLL_S = 0.1
_WATCH_POLL_S = 0.25


class StopSignals:
    """Counts the signals that ask this process to end."""

    def __init__(self) -> None:
        self._count = 0
        self._received = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._receive)

    def wait(self, timeout_s: float) -> bool:
        """Wait for a first signal; tell whether there has been one."""
        return self._received.wait(timeout_s)

    def in_haste(self) -> bool:
        """Tell whether there has been a second one."""
        return self._count > 1

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._count += 1
        self._received.set()


def main(options: ServeOptions) -> int:
    """Serve until told to end; return the exit status of the process."""
    stop = StopSignals()
    try:
        _serve(options, stop)
    except ServingFailure as failure:
        _say(str(failure))
        return 1
    return 0


def _serve(options: ServeOptions, stop: StopSignals) -> None:
    began = time.monotonic()
    for name in sweep_stale():
        _say(f"removed what {name} had left, whose owner is gone")
    installation = check_all(options)
    if warning := memory_warning(Path("/proc/meminfo").read_text()):
        _say(f"warning: {warning}")
    lease = take_lease()
    leash = start_leash(lease)
    try:
        _run_triton(options, installation, lease, stop, began)
    finally:
        leash.communicate()  # closes the pipe: the leash removes everything, and ends
        release(lease)


def _run_triton(
    options: ServeOptions,
    installation: Installation,
    lease: Lease,
    stop: StopSignals,
    began: float,
) -> None:
    server = start_triton(options, installation, lease)
    echo = LogEcho(server.log_path, sys.stderr.buffer) if options.verbose else None
    try:
        if _wait_until_ready(server, options.start_timeout_s, stop, echo):
            _check_stubs(lease)
            sys.stdout.write(f"{_ready_line(options, time.monotonic() - began)}\n")
            sys.stdout.flush()
            _watch(server, stop, echo)
    finally:
        if not server.stop(stop.in_haste):
            _say("Triton did not end in time and was killed")
        if echo is not None:
            echo.advance()


def _wait_until_ready(
    server: EmbeddedTriton, timeout_s: float, stop: StopSignals, echo: LogEcho | None
) -> bool:
    """Return True when every model is ready, False when told to stop before."""
    deadline = time.monotonic() + timeout_s
    while not stop.wait(_START_POLL_S):
        if echo is not None:
            echo.advance()
        log = server.log_path.read_text(errors="replace")
        if failures := model_failures(log):
            raise ServingFailure(FailureCode.MODEL, _joined(failures))
        if server.process.poll() is not None:
            raise ServingFailure(
                FailureCode.START, f"Triton ended while it started; its log ends\n{last_lines(log)}"
            )
        if server.health.is_ready():
            if unready := server.health.unready_models():
                raise ServingFailure(FailureCode.MODEL, _joined(unready))
            return True
        if time.monotonic() > deadline:
            raise ServingFailure(
                FailureCode.START,
                f"Triton was not ready after {timeout_s:.0f} s; its log ends\n{last_lines(log)}",
            )
    return False


def _watch(server: EmbeddedTriton, stop: StopSignals, echo: LogEcho | None) -> None:
    while not stop.wait(_WATCH_POLL_S):
        if echo is not None:
            echo.advance()
        if (status := server.process.poll()) is not None:
            log = server.log_path.read_text(errors="replace")
            raise ServingFailure(
                FailureCode.ENDED,
                f"Triton ended by itself ({_ending(status)}); its log ends\n{last_lines(log)}",
            )


def _check_stubs(lease: Lease) -> None:
    for libraries in check_stubs(lease.name, SONAME).values():
        raise ServingFailure(
            FailureCode.STUB,
            f"a model runs with parts of another Python: expected {SONAME} and packages of "
            f"{sys.prefix}, found {libraries[0]}; make the environment anew",
        )


def _ready_line(options: ServeOptions, seconds: float) -> str:
    addresses = (
        f"{protocol} {options.host}:{port}"
        for protocol, port in (
            ("http", options.http_port),
            ("grpc", options.grpc_port),
            ("metrics", options.metrics_port),
        )
    )
    return f"ready: {', '.join(addresses)} ({seconds:.1f} s)"


def _joined(failures: dict[str, str]) -> str:
    return "; ".join(f"{model}: {reason}" for model, reason in failures.items())


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
