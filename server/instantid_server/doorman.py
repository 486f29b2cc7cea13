"""The doorman: a gRPC proxy in front of Triton that lets in what is meant for a public model.

    python -m instantid_server.doorman --listen 127.0.0.1:9001 --triton 127.0.0.1:8001

Triton's gRPC names the model inside each message, out of reach of a gateway's rules on paths, and
one stream may carry messages for many models. So this looks at every message, and at nothing but
the name in it. Who the caller is, a gateway has found out before; its headers are passed on.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types, hence every Any here
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # no stubs
from google.protobuf.wrappers_pb2 import StringValue  # type: ignore[import-untyped]

from instantid_server.contract import MAX_REQUEST_BYTES, PUBLIC_MODELS
from instantid_server.errors import InstantIDError, InvalidInput, NotPublic

_SERVICE = "/inference.GRPCInferenceService/"
_OF_THE_SERVER = ("ServerLive", "ServerReady", "ServerMetadata")
_OF_A_MODEL = ("ModelReady", "ModelMetadata", "ModelInfer")
_STREAM = f"{_SERVICE}ModelStreamInfer"
_LETTERHEAD_BYTES = 1024 * 1024  # what a message has beside its tensors
_SERVER_OPTIONS = (("grpc.max_receive_message_length", MAX_REQUEST_BYTES + _LETTERHEAD_BYTES),)
_CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 2000),  # find a Triton soon that was started again
)
_GRACE_S = 660.0  # as long as a gateway waits for a picture; who stops this may wait less


@dataclass(frozen=True)
class DoormanOptions:
    """Where it stands."""

    listen: str
    triton: str


def check_model(message: bytes) -> None:
    """Raise an InstantIDError for a message to a model that is not public."""
    try:
        # The name is field 1 of every message with one, and field 1 is all that this type knows.
        name = StringValue.FromString(message).value
    except DecodeError as error:
        raise InvalidInput("message: expected one of Triton's gRPC service") from error
    if name not in PUBLIC_MODELS:
        raise NotPublic(f"model: expected one of {', '.join(PUBLIC_MODELS)}")


class Doorman(grpc.GenericRpcHandler):  # type: ignore[misc]  # its base has no types
    """Passes calls on to Triton as they are, or refuses them."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def service(self, handler_call_details: Any) -> Any:
        """Return how a method is handled; None lets gRPC say that there is no such one."""
        method = handler_call_details.method
        name = method.removeprefix(_SERVICE)
        if method == _STREAM:
            return grpc.stream_stream_rpc_method_handler(self._pass_stream)
        if name in (*_OF_THE_SERVER, *_OF_A_MODEL):
            return grpc.unary_unary_rpc_method_handler(self._passing(method, name in _OF_A_MODEL))
        return None

    def _passing(self, method: str, has_model: bool) -> Callable[[bytes, Any], Any]:
        async def pass_on(message: bytes, context: Any) -> bytes:
            if has_model:
                try:
                    check_model(message)
                except InstantIDError as refusal:
                    await _refuse(context, refusal)
            try:
                answer: bytes = await self._channel.unary_unary(method)(
                    message, metadata=_metadata(context), timeout=context.time_remaining()
                )
            except grpc.aio.AioRpcError as error:
                await _hand_on(context, error)
            return answer

        return pass_on

    async def _pass_stream(self, messages: AsyncIterator[bytes], context: Any) -> None:
        call = self._channel.stream_stream(_STREAM)(
            metadata=_metadata(context), timeout=context.time_remaining()
        )
        refusals: list[InstantIDError] = []
        inward = asyncio.create_task(_let_in(messages, call, refusals.append))
        try:
            async for answer in call:
                await context.write(answer)
        except grpc.aio.AioRpcError as error:
            await _hand_on(context, error)
        except asyncio.CancelledError:
            if not refusals:  # the caller went away
                raise
            await _refuse(context, refusals[0])
        finally:
            inward.cancel()


async def _let_in(
    messages: AsyncIterator[bytes], call: Any, refuse: Callable[[InstantIDError], None]
) -> None:
    # An error of Triton's ends the call, and is seen where its answers are read.
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        async for message in messages:
            try:
                check_model(message)
            except InstantIDError as refusal:
                refuse(refusal)
                call.cancel()
                return
            await call.write(message)
        await call.done_writing()


def _metadata(context: Any) -> list[tuple[str, str | bytes]]:
    return [
        (key, value)
        for key, value in context.invocation_metadata()
        if key != "user-agent" and not key.startswith("grpc-")  # gRPC writes its own
    ]


async def _refuse(context: Any, refusal: InstantIDError) -> None:
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))


async def _hand_on(context: Any, error: Any) -> None:
    await context.abort(error.code(), error.details() or "", tuple(error.trailing_metadata() or ()))


async def stand(options: DoormanOptions) -> None:
    """Serve until SIGTERM or SIGINT, then let what was let in come to its end."""
    told_to_end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    async with grpc.aio.insecure_channel(options.triton, options=_CHANNEL_OPTIONS) as channel:
        server = grpc.aio.server(options=_SERVER_OPTIONS)
        server.add_generic_rpc_handlers((Doorman(channel),))
        server.add_insecure_port(options.listen)
        await server.start()
        sys.stdout.write(f"ready: {options.listen} in front of {options.triton}\n")
        sys.stdout.flush()
        await told_to_end.wait()
        await server.stop(_GRACE_S)


def _read_arguments() -> DoormanOptions:
    parser = argparse.ArgumentParser(prog="python -m instantid_server.doorman", description=__doc__)
    parser.add_argument("--listen", default="127.0.0.1:9001", metavar="HOST:PORT")
    parser.add_argument("--triton", default="127.0.0.1:8001", metavar="HOST:PORT")
    arguments = parser.parse_args()
    return DoormanOptions(arguments.listen, arguments.triton)


if __name__ == "__main__":
    asyncio.run(stand(_read_arguments()))
