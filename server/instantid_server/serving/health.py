"""Triton's health, asked over HTTP."""

import http.client
import json
from dataclasses import dataclass

from instantid_server.serving.command import ADMIN_HEADER

_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Health:
    """Asks one server; every answer is from now."""

    host: str
    http_port: int
    admin_key: str

    def is_ready(self) -> bool:
        """Tell whether the server answers and all its models can."""
        try:
            status, _ = self._ask("GET", "/v2/health/ready")
        except (OSError, http.client.HTTPException):
            return False
        return status == http.client.OK

    def unready_models(self) -> dict[str, str]:
        """Return the reason of every model in the repositories that is not ready."""
        _, body = self._ask("POST", "/v2/repository/index")
        return {
            model["name"]: model.get("reason", model.get("state", "not loaded"))
            for model in json.loads(body)
            if model.get("state") != "READY"
        }

    def _ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.http_port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, headers={ADMIN_HEADER: self.admin_key})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
