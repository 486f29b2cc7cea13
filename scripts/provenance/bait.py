"""A server on this machine that counts who asks it: nobody should, whatever a file says."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_POLL_S = 0.01  # for its end; the default adds half a second to every use


class Bait(ThreadingHTTPServer):
    """Answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        self.requests = 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        """The address of a manifest that is not there."""
        return f"http://127.0.0.1:{self.server_port}/manifest.c2pa"


class _Handler(BaseHTTPRequestHandler):
    server: Bait

    def do_GET(self) -> None:
        """Count, and send away."""
        self.server.requests += 1
        self.send_error(404)

    do_HEAD = do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def bait() -> Iterator[Bait]:
    """Listen until the end of the block."""
    with Bait() as server:
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
