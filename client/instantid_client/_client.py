"""The clients: thin shells that join options, a transport and results."""

from collections.abc import AsyncGenerator, Generator
from types import TracebackType
from typing import Self

from instantid_client._endpoint import DEFAULT_URL, parse_endpoint
from instantid_client._options import GenerationOptions, as_keywords
from instantid_client._requests import tensors_of
from instantid_client._results import Event, Generation, ServerStatus, generation_of
from instantid_client._stream import async_events, events
from instantid_client._transport import (
    AsyncTransport,
    Transport,
    open_async_transport,
    open_transport,
)
from instantid_server.contract import INSTANTID, INSTANTID_STREAM, MODELS

DEFAULT_TIMEOUT_S = 600.0  # 150 steps at full size on one busy GPU take minutes


class Client:
    """Draws pictures on a server, from any thread.

    `url` is host:port or has a scheme (grpc, grpcs, http, https). Without a scheme, port 8000 means
    HTTP and every other port gRPC, unless `protocol` says otherwise. `timeout_s` bounds each call
    as a whole; None waits forever.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        protocol: str | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        transport: Transport | None = None,
    ) -> None:
        endpoint = parse_endpoint(url, protocol)
        self._transport = open_transport(endpoint) if transport is None else transport
        self._timeout_s = timeout_s

    @as_keywords(GenerationOptions)
    def generate(self, options: GenerationOptions) -> Generation:
        """Return the pictures of one request; the keywords are the fields of GenerationOptions."""
        inputs = tensors_of(options, INSTANTID)
        outputs = self._transport.infer(INSTANTID.name, inputs, timeout_s=self._timeout_s)
        return generation_of(outputs)

    @as_keywords(GenerationOptions)
    def stream(self, options: GenerationOptions) -> Generator[Event, None, None]:
        """Yield progress and previews, then the pictures. Leaving the loop cancels the request."""
        inputs = tensors_of(options, INSTANTID_STREAM)
        model = INSTANTID_STREAM.name
        return events(self._transport.stream(model, inputs, timeout_s=self._timeout_s))

    def status(self) -> ServerStatus:
        """Return what the server says of itself; raises ConnectionFailed if there is none."""
        version = self._transport.server_version(timeout_s=self._timeout_s)
        ready = self._transport.is_ready(None, timeout_s=self._timeout_s)
        models = {
            name: self._transport.is_ready(name, timeout_s=self._timeout_s) for name in MODELS
        }
        return ServerStatus(version, ready, models)

    def close(self) -> None:
        """Give the connection up."""
        self._transport.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the connection up."""
        self.close()


class AsyncClient:
    """The same for asyncio, on one event loop. A cancelled task cancels its request."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        protocol: str | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        transport: AsyncTransport | None = None,
    ) -> None:
        endpoint = parse_endpoint(url, protocol)
        self._transport = open_async_transport(endpoint) if transport is None else transport
        self._timeout_s = timeout_s

    @as_keywords(GenerationOptions)
    async def generate(self, options: GenerationOptions) -> Generation:
        """Return the pictures of one request; the keywords are the fields of GenerationOptions."""
        inputs = tensors_of(options, INSTANTID)
        outputs = await self._transport.infer(INSTANTID.name, inputs, timeout_s=self._timeout_s)
        return generation_of(outputs)

    @as_keywords(GenerationOptions)
    def stream(self, options: GenerationOptions) -> AsyncGenerator[Event, None]:
        """Yield progress and previews, then the pictures.

        Closing the generator cancels the request; `contextlib.aclosing` does so at a loop's end.
        """
        inputs = tensors_of(options, INSTANTID_STREAM)
        model = INSTANTID_STREAM.name
        return async_events(self._transport.stream(model, inputs, timeout_s=self._timeout_s))

    async def status(self) -> ServerStatus:
        """Return what the server says of itself; raises ConnectionFailed if there is none."""
        version = await self._transport.server_version(timeout_s=self._timeout_s)
        ready = await self._transport.is_ready(None, timeout_s=self._timeout_s)
        models = {
            name: await self._transport.is_ready(name, timeout_s=self._timeout_s) for name in MODELS
        }
        return ServerStatus(version, ready, models)

    async def close(self) -> None:
        """Give the connection up."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the connection up."""
        await self.close()
