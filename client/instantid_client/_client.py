"""The clients: thin shells that join options, a transport, retries and results."""

import os
from collections.abc import AsyncGenerator, Generator
from dataclasses import replace
from types import TracebackType
from typing import Self

from instantid_client._call import DEFAULT_TIMEOUT_S, Call, CallDefaults, CallOptions, Request
from instantid_client._consent import consent_beside, consent_of
from instantid_client._endpoint import DEFAULT_URL, parse_endpoint
from instantid_client._options import ImageSource, as_keywords
from instantid_client._requests import (
    Tensors,
    cancel_tensors,
    enroll_tensors,
    tensors_of,
    verify_tensors,
)
from instantid_client._results import (
    Enrolment,
    Event,
    Generation,
    ServerStatus,
    Verification,
    enrolment_of,
    generation_of,
    num_cancelled,
    verification_of,
)
from instantid_client._retries import (
    Tries,
    retried,
    retried_async,
    retried_stream,
    retried_stream_async,
    with_seed,
)
from instantid_client._stream import async_events, events
from instantid_client._transport import (
    AsyncTransport,
    Transport,
    open_async_transport,
    open_transport,
)
from instantid_server.contract import (
    ENROLL,
    INSTANTID,
    INSTANTID_CANCEL,
    INSTANTID_STREAM,
    MODELS,
    VERIFY,
    ModelSpec,
)


def _prepare(request: Request, model: ModelSpec, defaults: CallDefaults) -> tuple[Tensors, Tries]:
    """Return what every try of a request sends, and the tries that it has."""
    agreed = replace(request, consent_token=consent_of(request))
    fixed = with_seed(agreed) if defaults.retries else agreed
    return tensors_of(fixed, model), Tries(defaults.call(request), defaults.retries)


def _prepare_enrolment(
    photo: ImageSource, face_index: int | None, consent_token: str | None, defaults: CallDefaults
) -> tuple[Tensors, Tries]:
    """Return what every try of an enrolment sends, and the tries that it has."""
    token = consent_beside(photo) if consent_token is None else consent_token
    inputs = enroll_tensors(photo, face_index, token)
    return inputs, Tries(defaults.call(CallOptions()), defaults.retries)


class Client:
    """Draws pictures on a server, from any thread.

    `url` is host:port or has a scheme (grpc, grpcs, http, https). Without a scheme, port 8000 means
    HTTP and every other port gRPC, unless `protocol` says otherwise.

    `timeout_s` bounds each call as a whole, and the server keeps to it too; None waits forever. The
    server shares its time fairly between `tenant`s. With `retries`, a request that is refused as
    Overloaded, Draining or ModelNotReady, or whose connection breaks, is sent again up to so many
    times, each time after the pause that the server asks for and while `timeout_s` lasts.

    `api_key` is the key or token that a gateway asks for. It goes over TLS alone, and the gateway
    then knows the tenant by itself.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        protocol: str | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        tenant: str | None = None,
        retries: int = 0,
        api_key: str | None = None,
        transport: Transport | None = None,
    ) -> None:
        endpoint = parse_endpoint(url, protocol).with_key(api_key)
        self._transport = open_transport(endpoint) if transport is None else transport
        self._defaults = CallDefaults(timeout_s, tenant, retries)

    @as_keywords(Request)
    def generate(self, request: Request) -> Generation:
        """Return the pictures of one request."""
        inputs, tries = _prepare(request, INSTANTID, self._defaults)

        def send(call: Call) -> Generation:
            outputs = self._transport.infer(INSTANTID.name, inputs, call)
            return generation_of(outputs, call.request_id)

        return retried(tries, send)

    @as_keywords(Request)
    def stream(self, request: Request) -> Generator[Event, None, None]:
        """Yield progress and previews, then the pictures. Leaving the loop cancels the request.

        Its steps are counted from the start again when it is sent again.
        """
        inputs, tries = _prepare(request, INSTANTID_STREAM, self._defaults)

        def open_stream(call: Call) -> Generator[Event, None, None]:
            responses = self._transport.stream(INSTANTID_STREAM.name, inputs, call)
            return events(responses, call.request_id)

        return retried_stream(tries, open_stream)

    def cancel(self, request_id: str, *, tenant: str | None = None) -> int:
        """Stop the requests of that id, waiting or running, and return how many there were.

        Their callers get Cancelled. Requests of another tenant are not found. Over gRPC, leaving
        the call is enough; over HTTP the server does not see that.
        """
        call = self._defaults.call(CallOptions(tenant=tenant))
        inputs = cancel_tensors(request_id)
        return num_cancelled(self._transport.infer(INSTANTID_CANCEL.name, inputs, call))

    def enroll(
        self,
        face_image: ImageSource,
        *,
        face_index: int | None = None,
        consent_token: str | None = None,
    ) -> Enrolment:
        """Return a photo's face as a card, which stands for the photo in later requests.

        The card holds for this server and tenant. The person's consent is needed as for a picture;
        if none is given, a file beside the photo is taken that is named like it and `.consent`.
        """
        inputs, tries = _prepare_enrolment(face_image, face_index, consent_token, self._defaults)

        def send(call: Call) -> Enrolment:
            return enrolment_of(self._transport.infer(ENROLL.name, inputs, call))

        return retried(tries, send)

    def verify(self, picture: str | os.PathLike[str] | bytes) -> Verification:
        """Return whether a picture, as a path or its encoded bytes, is this server's and unchanged.

        Raises ImageUnreadable, ImageTooLarge or RateLimited.
        """
        call = self._defaults.call(CallOptions())
        outputs = self._transport.infer(VERIFY.name, verify_tensors(picture), call)
        return verification_of(outputs)

    def status(self) -> ServerStatus:
        """Return what the server says of itself; raises ConnectionFailed if there is none."""
        version = self._transport.server_version(timeout_s=self._defaults.timeout_s)
        ready = self._transport.is_ready(None, timeout_s=self._defaults.timeout_s)
        models = {
            name: self._transport.is_ready(name, timeout_s=self._defaults.timeout_s)
            for name in MODELS
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
        tenant: str | None = None,
        retries: int = 0,
        api_key: str | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        endpoint = parse_endpoint(url, protocol).with_key(api_key)
        self._transport = open_async_transport(endpoint) if transport is None else transport
        self._defaults = CallDefaults(timeout_s, tenant, retries)

    @as_keywords(Request)
    async def generate(self, request: Request) -> Generation:
        """Return the pictures of one request."""
        inputs, tries = _prepare(request, INSTANTID, self._defaults)

        async def send(call: Call) -> Generation:
            outputs = await self._transport.infer(INSTANTID.name, inputs, call)
            return generation_of(outputs, call.request_id)

        return await retried_async(tries, send)

    @as_keywords(Request)
    def stream(self, request: Request) -> AsyncGenerator[Event, None]:
        """Yield progress and previews, then the pictures, as `Client.stream` does.

        Closing the generator cancels the request; `contextlib.aclosing` does so at a loop's end.
        """
        inputs, tries = _prepare(request, INSTANTID_STREAM, self._defaults)

        def open_stream(call: Call) -> AsyncGenerator[Event, None]:
            responses = self._transport.stream(INSTANTID_STREAM.name, inputs, call)
            return async_events(responses, call.request_id)

        return retried_stream_async(tries, open_stream)

    async def cancel(self, request_id: str, *, tenant: str | None = None) -> int:
        """Stop the requests of that id, as `Client.cancel` does."""
        call = self._defaults.call(CallOptions(tenant=tenant))
        inputs = cancel_tensors(request_id)
        return num_cancelled(await self._transport.infer(INSTANTID_CANCEL.name, inputs, call))

    async def enroll(
        self,
        face_image: ImageSource,
        *,
        face_index: int | None = None,
        consent_token: str | None = None,
    ) -> Enrolment:
        """Return a photo's face as a card, as `Client.enroll` does."""
        inputs, tries = _prepare_enrolment(face_image, face_index, consent_token, self._defaults)

        async def send(call: Call) -> Enrolment:
            return enrolment_of(await self._transport.infer(ENROLL.name, inputs, call))

        return await retried_async(tries, send)

    async def verify(self, picture: str | os.PathLike[str] | bytes) -> Verification:
        """Return whether a picture is this server's and unchanged, as `Client.verify` does."""
        call = self._defaults.call(CallOptions())
        outputs = await self._transport.infer(VERIFY.name, verify_tensors(picture), call)
        return verification_of(outputs)

    async def status(self) -> ServerStatus:
        """Return what the server says of itself; raises ConnectionFailed if there is none."""
        version = await self._transport.server_version(timeout_s=self._defaults.timeout_s)
        ready = await self._transport.is_ready(None, timeout_s=self._defaults.timeout_s)
        models = {
            name: await self._transport.is_ready(name, timeout_s=self._defaults.timeout_s)
            for name in MODELS
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
