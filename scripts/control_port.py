"""The control port of a running server, as probes and operators ask it."""

import http.client
import json
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

_POLL_S = 0.05
_ANSWER_S = 10.0


def ask(
    url: str, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the status and the document of one answer; raises OSError without one."""
    connection = http.client.HTTPConnection(url, timeout=_ANSWER_S)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def is_ready(url: str) -> bool:
    """Return what a readiness probe sees; no answer is no."""
    try:
        status, _ = ask(url, "/ready")
    except (OSError, http.client.HTTPException):
        return False
    return status == http.client.OK


def requests_in_server(url: str) -> int:
    """Return how many requests run or wait, as the server's admission sees it."""
    _, document = ask(url, "/status")
    admission: dict[str, Any] = document["admission"]
    return int(admission["running"]) + int(admission["waiting"])


def seconds_until(reached: Callable[[], bool], within_s: float) -> float | None:
    """Return how long it took until `reached`; None: longer than `within_s`."""
    began = monotonic()
    while not reached():
        if monotonic() - began > within_s:
            return None
        sleep(_POLL_S)
    return monotonic() - began
