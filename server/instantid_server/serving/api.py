"""Triton's own HTTP interface: health, and loading and unloading models with the admin key."""

import http.client
import json
from dataclasses import dataclass

from instantid_server.serving.command import ADMIN_HEADER

READY = "READY"  # Triton's name of the state of a model that answers
UNLOADING = "UNLOADING"  # of one that still has requests, or whose process is about to end
_ANSWER_S = 4.0  # of what Triton knows by heart; probes, which ask for it, give up after five
_LOAD_S = 120.0  # a model that reads its weights from a slow disk


class TritonApiError(Exception):
    """Triton did not answer, or refused."""


@dataclass(frozen=True)
class TritonApi:
    """Asks one server; every answer is from now."""

    host: str
    http_port: int
    admin_key: str
    absent: frozenset[str] = frozenset()  # models in the repositories that are not to be loaded

    def is_ready(self) -> bool:
        """Tell whether the server answers and all its models can."""
        try:
            self._ask("GET", "/v2/health/ready", _ANSWER_S)
        except TritonApiError:
            return False
        return True

    def model_states(self) -> dict[str, str]:
        """Return the state of every model that is to be there."""
        return {model["name"]: model.get("state", "UNAVAILABLE") for model in self._index()}

    def unready_models(self) -> dict[str, str]:
        """Return the reason of every model that is to be there and is not ready."""
        return {
            model["name"]: model.get("reason", model.get("state", "not loaded"))
            for model in self._index()
            if model.get("state") != READY
        }

    def unload(self, model: str) -> None:
        """Begin to unload a model, which ends when its requests under way are answered."""
        self._ask("POST", f"/v2/repository/models/{model}/unload", _LOAD_S)

    def load(self, model: str) -> None:
        """Load a model, and the ensembles that it is part of; return when it is ready."""
        self._ask("POST", f"/v2/repository/models/{model}/load", _LOAD_S)

    def _index(self) -> list[dict[str, str]]:
        models: list[dict[str, str]] = json.loads(
            self._ask("POST", "/v2/repository/index", _ANSWER_S)
        )
        return [model for model in models if model["name"] not in self.absent]

    def _ask(self, method: str, path: str, timeout_s: float) -> bytes:
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=timeout_s)
        try:
            connection.request(method, path, headers={ADMIN_HEADER: self.admin_key})
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise TritonApiError(f"{path}: no answer ({type(error).__name__})") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise TritonApiError(f"{path}: {body.decode(errors='replace')}")
        return body
