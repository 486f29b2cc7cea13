"""A control port as `instantid serve` opens it, over a server that is not there."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from instantid_server.serving.api import TritonApi
from instantid_server.serving.control import ControlPort
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.limits import AdmissionLimits
from instantid_server.serving.record_book import RecordBook
from instantid_server.serving.state import Phase, StateBoard
from instantid_server.trust.keys import Keys, make_test_keys

LIMITS = AdmissionLimits(max_running_pictures=8, max_waiting=32)


@dataclass(frozen=True)
class ControlServer:
    """The address of a control port, and what decides how it answers."""

    url: str
    board: StateBoard
    drained: threading.Event  # set when it is told to


@contextmanager
def running_control(folder: Path) -> Iterator[ControlServer]:
    """Yield a control port that says it is ready, and that is gone as soon as it is drained."""
    board, drained, over = StateBoard(), threading.Event(), threading.Event()
    board.enter(Phase.READY)
    port = free_port()
    make_test_keys(folder / "keys")
    book = RecordBook(folder / "records.jsonl", Keys(folder / "keys"), checkpoint_every=100)
    desk = AdmissionDesk(folder / "desk.sock", LIMITS, book)
    desk.start()
    api = TritonApi("127.0.0.1", free_port(), "key")
    control = ControlPort(("127.0.0.1", port), board, desk, api, drained.set, folder)

    def serve() -> None:
        control.start()
        while not (drained.is_set() or over.is_set()):
            drained.wait(0.05)
        control.stop()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield ControlServer(f"127.0.0.1:{port}", board, drained)
    finally:
        over.set()
        thread.join()
        desk.stop()
        book.close()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
