"""The server's readiness, asked as an orchestrator asks: again and again."""

import http.client
import json
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

_POLL_S = 0.05
_ANSWER_S = 5.0


def is_ready(control_url: str) -> bool:
    """Tell what `/ready` says; no answer is no."""
    try:
        status, _ = _ask(control_url, "/ready")
    except (OSError, http.client.HTTPException):
        return False
    return status == http.client.OK


def requests_in_server(control_url: str) -> int:
    """Return how many requests run or wait, as the server's admission sees it."""
    _, body = _ask(control_url, "/status")
    admission: dict[str, Any] = json.loads(body)["admission"]
    return int(admission["running"]) + int(admission["waiting"])


def seconds_until(reached: Callable[[], bool], within_s: float) -> float | None:
    """Return how long it took until `reached`; None: longer than `within_s`."""
    began = monotonic()
    while not reached():
        if monotonic() - began > within_s:
            return None
        sleep(_POLL_S)
    return monotonic() - began


def _ask(control_url: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(control_url, timeout=_ANSWER_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
