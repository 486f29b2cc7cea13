"""The control port: probes, status and drain, answered by the entry process itself.

GET /live     200 while this process can still make the server work
GET /ready    200 while a new request would be served, else 503
GET /status   what goes on, as JSON
POST /drain   begin to end, as SIGTERM does; from this machine only

Triton's own health would not do: it stays green when the process of a model has died.
"""

import ipaddress
import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from instantid_server import __version__
from instantid_server.contract import MODELS
from instantid_server.serving.api import READY, TritonApi, TritonApiError
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.state import Phase, StateBoard

_STALLED_S = 60.0  # the main thread comes by several times a second
_CLIENT_S = 5.0  # a caller who says nothing is sent away
_UNAVAILABLE = "UNAVAILABLE"  # Triton's name of the state
_RELOADING = "RELOADING"  # ours


class ControlPort:
    """Answers on one port from `start` to `stop`."""

    def __init__(
        self,
        address: tuple[str, int],
        board: StateBoard,
        desk: AdmissionDesk,
        api: TritonApi,
        drain: Callable[[], None],
    ) -> None:
        """Listen at once; `drain` must return at once, for a caller waits for its answer."""
        self._board = board
        self._desk = desk
        self._api = api
        self.drain = drain
        self._server = _Server(address, self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="control")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def is_live(self) -> bool:
        """Tell whether the main thread still does its work."""
        return self._board.silence_s() < _STALLED_S

    def is_ready(self) -> bool:
        """Tell whether a request that came now would be served."""
        # Asked in this order: the board knows of dead processes, Triton of all else.
        return self._board.state.phase is Phase.READY and set(self._model_states().values()) == {
            READY
        }

    def status(self) -> dict[str, object]:
        """Return what goes on."""
        state = self._board.state
        admission = self._desk.snapshot()
        return {
            "state": state.phase,
            "models": self._model_states() | dict.fromkeys(state.reloading, _RELOADING),
            "admission": {
                "running": admission.running,
                "waiting": admission.waiting,
                "max_running_pictures": admission.max_running_pictures,
                "max_waiting": admission.max_waiting,
                "seconds_per_step": admission.seconds_per_step,
            },
            "restarts": state.restarts,
            "reloads": state.reloads,
        }

    def _model_states(self) -> dict[str, str]:
        try:
            return self._api.model_states()
        except TritonApiError:  # it is not up, or hangs
            return dict.fromkeys(MODELS, _UNAVAILABLE)


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # one a caller, so that none who stalls keeps a probe waiting

    def __init__(self, address: tuple[str, int], port: ControlPort) -> None:
        self.port = port
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_S

    def do_GET(self) -> None:
        port = self.server.port
        if self.path == "/live":
            self._answer_probe("live", port.is_live())
        elif self.path == "/ready":
            self._answer_probe("ready", port.is_ready())
        elif self.path == "/status":
            self._answer(HTTPStatus.OK, port.status())
        else:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "known are /live, /ready, /status"})

    def do_POST(self) -> None:
        if self.path != "/drain":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "known is /drain"})
        elif not self._is_from_here():
            self._answer(HTTPStatus.FORBIDDEN, {"error": "only from the server's own machine"})
        else:
            self.server.port.drain()
            self._answer(HTTPStatus.ACCEPTED, {"state": Phase.DRAINING})

    def version_string(self) -> str:
        return f"instantid/{__version__}"

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: probes come every few seconds."""

    def _is_from_here(self) -> bool:
        # A browser on this machine sends what any page of the web tells it to, but adds an Origin.
        is_loopback = ipaddress.ip_address(self.client_address[0]).is_loopback
        return is_loopback and "Origin" not in self.headers

    def _answer_probe(self, name: str, good: bool) -> None:
        status = HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE
        self._answer(status, {name: good})

    def _answer(self, status: HTTPStatus, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
