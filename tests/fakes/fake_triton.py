"""A small HTTP server that answers as Triton's model repository does, and notes the questions."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from instantid_server.serving.api import TritonApi
from instantid_server.serving.command import ADMIN_HEADER

KEY = "key"


class FakeTriton(ThreadingHTTPServer):
    """Models by state; loading fails for `unloadable`.

    Unloading has ended when somebody has looked once, or never if it is `stuck`.
    """

    daemon_threads = True

    def __init__(self, states: dict[str, str], unloadable: str) -> None:
        self.states = states
        self.unloadable = unloadable
        self.stuck = False
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def api(self) -> TritonApi:
        return TritonApi("127.0.0.1", self.server_port, KEY)

    def answer(self, path: str) -> tuple[int, object]:
        self.asked.append(path)
        if path == "/v2/health/ready":
            return 200, {}
        if path == "/v2/repository/index":
            index = [{"name": name, "state": state} for name, state in self.states.items()]
            for name, state in self.states.items():
                if state == "UNLOADING" and not self.stuck:
                    self.states[name] = "UNAVAILABLE"
            return 200, index
        model, action = path.removeprefix("/v2/repository/models/").split("/")
        if action == "load" and model == self.unloadable:
            return 400, {"error": f"load failed for model '{model}'"}
        self.states[model] = "READY" if action == "load" else "UNLOADING"
        return 200, {}


class _Handler(BaseHTTPRequestHandler):
    server: FakeTriton

    def do_GET(self) -> None:
        status, document = self.server.answer(self.path)
        if self.headers[ADMIN_HEADER] != KEY:
            status, document = 403, {"error": "This API is restricted"}
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def fake_triton(states: dict[str, str], unloadable: str = "") -> Iterator[FakeTriton]:
    """Serve until the end of the block."""
    with FakeTriton(dict(states), unloadable) as triton:
        thread = threading.Thread(target=triton.serve_forever)
        thread.start()
        try:
            yield triton
        finally:
            triton.shutdown()
            thread.join()
