"""The way to a server: tensors of one model out, tensors back.

A client takes any object of these shapes, which is how the tests do without a server. The real ones
are imported when they are chosen, for tritonclient and gRPC cost more than the rest of the package.
"""

from collections.abc import AsyncGenerator, Generator
from typing import Protocol

from instantid_client import _endpoint
from instantid_client._call import Call
from instantid_client._endpoint import Endpoint
from instantid_client._requests import Tensors


class Transport(Protocol):
    """Blocking calls. Each raises the errors of `_errors` and nothing else of the network's."""

    def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""

    def stream(self, model: str, inputs: Tensors, call: Call) -> Generator[Tensors, None, None]:
        """Yield the answers of a decoupled model; closing the generator cancels the request."""

    def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""

    def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""

    def close(self) -> None:
        """Give the connection up."""


class AsyncTransport(Protocol):
    """The same calls for asyncio. A cancelled task cancels its request."""

    async def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""

    def stream(self, model: str, inputs: Tensors, call: Call) -> AsyncGenerator[Tensors, None]:
        """Yield the answers of a decoupled model; closing the generator cancels the request."""

    async def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""

    async def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""

    async def close(self) -> None:
        """Give the connection up."""


def open_transport(endpoint: Endpoint) -> Transport:
    """Return the blocking transport that `endpoint` asks for. Nothing is sent yet."""
    if endpoint.protocol is _endpoint.Protocol.GRPC:
        from instantid_client._transport_grpc import GrpcTransport

        return GrpcTransport(endpoint)
    from instantid_client._transport_http import HttpTransport

    return HttpTransport(endpoint)


def open_async_transport(endpoint: Endpoint) -> AsyncTransport:
    """Return the asyncio transport that `endpoint` asks for. Nothing is sent yet."""
    if endpoint.protocol is _endpoint.Protocol.GRPC:
        from instantid_client._transport_grpc import AsyncGrpcTransport

        return AsyncGrpcTransport(endpoint)
    from instantid_client._transport_http import AsyncHttpTransport

    return AsyncHttpTransport(endpoint)
