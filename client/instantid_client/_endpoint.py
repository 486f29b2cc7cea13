"""The address of a server: where it listens, and which protocol it speaks there."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from instantid_client._errors import InvalidInput

DEFAULT_URL = "127.0.0.1:8001"  # Triton's own gRPC port
_HTTP_PORT = 8000  # Triton's own HTTP port


class Protocol(StrEnum):
    """How the client talks to the server."""

    GRPC = "grpc"
    HTTP = "http"


_SCHEMES = {
    "grpc": (Protocol.GRPC, False),
    "grpcs": (Protocol.GRPC, True),
    "http": (Protocol.HTTP, False),
    "https": (Protocol.HTTP, True),
}


@dataclass(frozen=True)
class Endpoint:
    """A server's address without a scheme, as tritonclient wants it, and what the scheme said."""

    authority: str  # host:port, over HTTP with the path of a proxy behind it
    protocol: Protocol
    tls: bool = False
    api_key: str | None = field(default=None, repr=False)  # what a gateway asks for

    def with_key(self, api_key: str | None) -> Self:
        """Return the endpoint with what its gateway asks for; raises InvalidInput without TLS."""
        if api_key is not None and not self.tls:
            raise InvalidInput("api_key: expected a url with grpcs or https, for it is a secret")
        return replace(self, api_key=api_key)


def parse_endpoint(url: str, protocol: str | None = None) -> Endpoint:
    """Return the endpoint that `url` names: `host:port` or one with a scheme.

    The scheme decides the protocol (grpc, grpcs, http, https). Without one, `protocol` does; if
    that is None, port 8000 means HTTP and every other port gRPC.
    """
    has_scheme = "://" in url
    parts = urlsplit(url if has_scheme else f"//{url}")
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"url: expected host:port, got {url!r}") from error
    if parts.hostname is None or port is None:
        raise InvalidInput(f"url: expected host:port, got {url!r}")
    wanted = None if protocol is None else _protocol(protocol)
    if not has_scheme:
        spoken = Protocol.HTTP if port == _HTTP_PORT else Protocol.GRPC
        return Endpoint(parts.netloc + parts.path, spoken if wanted is None else wanted)
    if parts.scheme not in _SCHEMES:
        raise InvalidInput(f"url: expected one of {', '.join(_SCHEMES)}, got {parts.scheme!r}")
    spoken, tls = _SCHEMES[parts.scheme]
    if wanted is not None and wanted is not spoken:
        raise InvalidInput(f"protocol: {wanted} contradicts the url {url!r}")
    return Endpoint(parts.netloc + parts.path, spoken, tls)


def _protocol(name: str) -> Protocol:
    try:
        return Protocol(name)
    except ValueError as error:
        raise InvalidInput(f"protocol: expected grpc or http, got {name!r}") from error
