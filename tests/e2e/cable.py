"""A network cable to a server, which a test can cut and mend."""

import contextlib
import socket
import threading
from typing import Self

_CHUNK_BYTES = 64 * 1024


class Cable:
    """Forwards what comes to its own address, the same before and after a cut."""

    def __init__(self, target: str) -> None:
        """Lead to `target`, as host:port."""
        host, _, port = target.partition(":")
        self._target = (host, int(port))
        self._own = ("127.0.0.1", 0)
        self._ends: list[socket.socket] = []
        self.mend()

    @property
    def address(self) -> str:
        """Where to connect."""
        return f"{self._own[0]}:{self._own[1]}"

    def mend(self) -> None:
        """Take connections, again."""
        listener = socket.create_server(self._own)
        self._own = listener.getsockname()
        self._ends = [listener]
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        for end in self._ends:
            with contextlib.suppress(OSError):  # it is closed already
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it was cut
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(self._target)
                self._ends += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was cut
        while received := source.recv(_CHUNK_BYTES):
            sink.sendall(received)
        sink.shutdown(socket.SHUT_WR)
