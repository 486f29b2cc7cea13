"""The control port of a server: what `instantid serve` says of itself, and the order to drain.

It goes on answering while Triton is started again, and as long as the server drains.
"""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instantid_client._endpoint import Protocol, parse_endpoint
from instantid_client._errors import ConnectionFailed, DeadlineExceeded, UnexpectedAnswer

DEFAULT_CONTROL_URL = "127.0.0.1:8003"
READY = "ready"


@dataclass(frozen=True)
class Admission:
    """Who is drawn for, and who waits."""

    running: int  # requests, of max_running_pictures in all
    max_running_pictures: int
    waiting: int  # requests
    max_waiting: int
    seconds_per_step: float | None  # None: there was no step in the last minute


@dataclass(frozen=True)
class ServiceStatus:
    """What the control port says."""

    state: str  # starting, ready, reloading, restarting or draining
    models: Mapping[str, str]  # what each of them does
    admission: Admission
    restarts: int  # of Triton
    reloads: int  # of models that died or left service


class Control:
    """Calls to one control port, each over a connection of its own."""

    def __init__(self, url: str, *, timeout_s: float) -> None:
        endpoint = parse_endpoint(url, Protocol.HTTP)
        self._tls = endpoint.tls
        self._authority, slash, path = endpoint.authority.partition("/")
        self._path = f"{slash}{path}".rstrip("/")
        self._timeout_s = timeout_s

    def status(self) -> ServiceStatus:
        """Return what the server says of itself."""
        return _status_of(self._ask("GET", "/status"))

    def drain(self) -> None:
        """Tell the server to refuse new requests, deliver the accepted ones and end."""
        self._ask("POST", "/drain")

    def _ask(self, method: str, path: str) -> bytes:
        kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
        connection = kind(self._authority, timeout=self._timeout_s)
        try:
            connection.request(method, self._path + path)
            answer = connection.getresponse()
            body = answer.read()
        except TimeoutError as error:
            raise DeadlineExceeded(f"{self._authority}: no answer within the time given") from error
        except (http.client.RemoteDisconnected, http.client.IncompleteRead) as error:
            raise ConnectionFailed(f"{self._authority} closed the connection") from error
        except http.client.HTTPException as error:
            raise UnexpectedAnswer(f"{self._authority} does not speak HTTP") from error
        except OSError as error:
            reason = error if error.strerror is None else error.strerror
            raise ConnectionFailed(f"{self._authority}: {reason}") from error
        finally:
            connection.close()
        if answer.status >= http.client.BAD_REQUEST:
            raise UnexpectedAnswer(f"{self._authority}{path}: {answer.status} {answer.reason}")
        return body


def _status_of(body: bytes) -> ServiceStatus:
    try:
        status: Any = json.loads(body)
        admission = status["admission"]
        return ServiceStatus(
            state=status["state"],
            models=dict(status["models"]),
            admission=Admission(
                running=admission["running"],
                max_running_pictures=admission["max_running_pictures"],
                waiting=admission["waiting"],
                max_waiting=admission["max_waiting"],
                seconds_per_step=admission["seconds_per_step"],
            ),
            restarts=status["restarts"],
            reloads=status["reloads"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnexpectedAnswer("the control port sent no status of an InstantID server") from error
