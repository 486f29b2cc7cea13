"""The control port of a running server, as probes and operators ask it."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

POLL_S = 0.05


def ask(
    url: str, path: str, method: str = "GET", headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the status and the document of one answer."""
    connection = http.client.HTTPConnection(url, timeout=10)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def is_ready(url: str) -> bool:
    """Return what a readiness probe sees."""
    return ask(url, "/ready")[0] == 200


def wait_until(reached: Callable[[], bool], within_s: float, what: str) -> float:
    """Return after how many seconds it was so; raises AssertionError if it never was."""
    began = time.monotonic()
    while not reached():
        assert time.monotonic() - began < within_s, f"not within {within_s} s: {what}"
        time.sleep(POLL_S)
    return time.monotonic() - began
