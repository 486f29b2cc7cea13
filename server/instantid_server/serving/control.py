"""The control port: probes, status and drain, answered by the entry process itself.

GET /live     200 while this process can still make the server work
GET /ready    200 while a new request would be served, else 503
GET /status   what goes on, as JSON
GET /metrics  the same, and the free disk, for Prometheus
POST /drain   begin to end, as SIGTERM does; from this machine only

Triton's own health would not do: it stays green when the process of a model has died.
"""

import ipaddress
import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from instantid_server import __version__
from instantid_server.contract import MODELS
from instantid_server.serving.api import READY, TritonApi, TritonApiError
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.metrics_page import CONTENT_TYPE, Moment, metrics_page
from instantid_server.serving.remote_watch import RemoteWatch
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
        records_folder: Path,
        remote: RemoteWatch | None = None,
    ) -> None:
        """Listen at once; `drain` must return at once, for a caller waits for its answer."""
        self._remote = remote
        self._board = board
        self._desk = desk
        self._api = api
        self._records_folder = records_folder
        self._began_s = time.time()
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
        return self._board.state.phase is Phase.READY and _are_ready(self._model_states())

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
            "reloads": sum(state.reloads.values()),
        }

    def metrics(self) -> str:
        """Return what goes on, as a page for Prometheus."""
        state = self._board.state
        models = self._model_states() | dict.fromkeys(state.reloading, _RELOADING)
        return metrics_page(
            Moment(
                state=state,
                is_ready=state.phase is Phase.READY and _are_ready(models),
                ready_models={model: found == READY for model, found in models.items()},
                admission=self._desk.snapshot(),
                records_free_bytes=_free_bytes(self._records_folder),
                began_s=self._began_s,
            )
        )

    def _model_states(self) -> dict[str, str]:
        try:
            states = self._api.model_states()
        except TritonApiError:  # it is not up, or hangs
            return dict.fromkeys(MODELS, _UNAVAILABLE)
        return states if self._remote is None else states | self._remote.states()


def _are_ready(models: Mapping[str, str]) -> bool:
    return set(models.values()) == {READY}


def _free_bytes(folder: Path) -> int:
    try:
        return shutil.disk_usage(folder).free
    except OSError:  # a volume that is gone takes no record either
        return 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # one a caller, so that none who stalls keeps a probe waiting

    def __init__(self, address: tuple[str, int], port: ControlPort) -> None:
        self.port = port
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a probe that gave up; the base class prints a traceback for each."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as it came


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
        elif self.path == "/metrics":
            self._send(HTTPStatus.OK, CONTENT_TYPE, port.metrics())
        else:
            known = "known are /live, /ready, /status, /metrics"
            self._answer(HTTPStatus.NOT_FOUND, {"error": known})

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
        self._send(status, "application/json", json.dumps(document))

    def _send(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
