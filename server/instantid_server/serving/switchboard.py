"""The switchboard: connections over a Unix-domain socket, on one thread that waits for no caller.

It carries messages, one JSON object a line, and knows nothing of what they mean.
"""

import contextlib
import logging
import selectors
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from instantid_server.desk_messages import MAX_LINE_BYTES, LineBuffer, Message, encode
from instantid_server.serving.failure import FailureCode, ServingFailure

logger = logging.getLogger(__name__)


class Visitor:
    """One open connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.setblocking(False)
        self._lines = LineBuffer()

    def send(self, message: Message) -> None:
        """Send a message, from any thread; hang up on who does not even read a few lines."""
        try:
            self._connection.send(encode(message))
        except OSError:
            with contextlib.suppress(OSError):  # it is closed already
                self._connection.shutdown(socket.SHUT_RDWR)

    def receive(self) -> list[Message]:
        """Return the messages that have come; raises EOFError after the last."""
        received = self._connection.recv(MAX_LINE_BYTES)
        if not received:
            raise EOFError
        self._lines.add(received)
        messages = []
        while (message := self._lines.take()) is not None:
            messages.append(message)
        return messages


class Host(Protocol):
    """Whom the visitors talk to, always from the switchboard's thread."""

    def hear(self, visitor: Visitor, message: Message) -> None:
        """Take a message; any exception says that it makes no sense."""
        ...

    def miss(self, visitor: Visitor) -> None:
        """Take note that a visitor is gone."""
        ...


class Switchboard:
    """Listens on `path` from `start` to `stop`."""

    def __init__(self, path: Path, host: Host) -> None:
        self._path = path
        self._host = host
        self._selector = selectors.DefaultSelector()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="switchboard", daemon=True)

    def start(self) -> None:
        """Listen; raises ServingFailure if that is not possible."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(self._path))
        except OSError as error:
            listener.close()
            raise ServingFailure(
                FailureCode.START,
                f"cannot listen on {self._path}: {error}; a short TMPDIR may help, for the path of "
                "a socket has at most 107 bytes",
            ) from error
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)
        self._register(listener, lambda: self._accept(listener))
        self._thread.start()

    def stop(self) -> None:
        """Hang up on everybody and end the thread."""
        self._stopping = True
        # A ring at the door wakes the thread; there is nobody to open if it was just awake.
        with socket.socket(socket.AF_UNIX) as bell, contextlib.suppress(ConnectionRefusedError):
            bell.connect(str(self._path))
        self._thread.join()
        self._path.unlink(missing_ok=True)

    def _serve(self) -> None:
        with self._selector:
            while not self._stopping:
                for key, _ in self._selector.select():
                    key.data()
            for key in list(self._selector.get_map().values()):
                self._hang_up(key.fileobj)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # who knocked is gone, or no descriptor is left for now
            connection, _ = listener.accept()
            visitor = Visitor(connection)
            self._register(connection, lambda: self._listen_to(visitor, connection))

    def _listen_to(self, visitor: Visitor, connection: socket.socket) -> None:
        try:
            for message in visitor.receive():
                self._host.hear(visitor, message)
        except (EOFError, OSError):
            pass
        except Exception as error:  # the border: no message may end the thread of all the others
            logger.warning("hung up on a visitor: %s", type(error).__name__)
        else:
            return
        self._hang_up(connection)
        self._host.miss(visitor)

    def _register(self, opened: socket.socket, on_event: Callable[[], None]) -> None:
        self._selector.register(opened, selectors.EVENT_READ, on_event)

    def _hang_up(self, opened: Any) -> None:
        self._selector.unregister(opened)
        opened.close()
