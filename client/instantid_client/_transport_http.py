"""HTTP, over tritonclient. One connection a call, which makes the calls safe from any thread."""

import re
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import aiohttp
import tritonclient.http as blocking
import tritonclient.http.aio as asyncio_client
from geventhttpclient import HTTPParseError
from geventhttpclient.response import HTTPConnectionClosed
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from instantid_client._call import Call
from instantid_client._endpoint import Endpoint
from instantid_client._errors import (
    ConnectionFailed,
    DeadlineExceeded,
    StreamingNeedsGrpc,
    UnexpectedAnswer,
)
from instantid_client._requests import Tensors
from instantid_client._triton_errors import from_triton

# How geventhttpclient says that the connection ended before the answer did.
_CUT_SHORT = re.compile("incomplete|connection closed", re.IGNORECASE)


class _ApiKey(blocking.InferenceServerClientPlugin):  # type: ignore[misc]  # untyped
    """Shows a gateway what it asks for, with every request."""

    def __init__(self, api_key: str) -> None:
        self._api_key = api_key

    def __call__(self, request: Any) -> None:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._api_key}"


def _show_key(client: Any, endpoint: Endpoint) -> None:
    if endpoint.api_key is not None:
        client.register_plugin(_ApiKey(endpoint.api_key))


def _hung_up(endpoint: Endpoint) -> ConnectionFailed:
    return ConnectionFailed(f"{endpoint.authority} closed the connection")


def _no_triton(endpoint: Endpoint) -> UnexpectedAnswer:
    return UnexpectedAnswer(f"{endpoint.authority} does not speak HTTP as Triton does")


@contextmanager
def _mapped_errors(endpoint: Endpoint) -> Iterator[None]:
    try:
        yield
    except InferenceServerException as error:
        raise from_triton(error.message(), error.status()) from error
    except TimeoutError as error:
        raise DeadlineExceeded("no answer within the time given") from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
        raise _hung_up(endpoint) from error
    except HTTPParseError as error:
        cut_short = isinstance(error, HTTPConnectionClosed) or _CUT_SHORT.search(str(error))
        raise (_hung_up(endpoint) if cut_short else _no_triton(endpoint)) from error
    except aiohttp.ClientResponseError as error:
        raise _no_triton(endpoint) from error
    except OSError as error:
        reason = error if error.strerror is None else error.strerror
        raise ConnectionFailed(f"{endpoint.authority}: {reason}") from error
    except aiohttp.ClientError as error:
        raise ConnectionFailed(f"{endpoint.authority}: {error}") from error
    except ValueError as error:
        raise UnexpectedAnswer(
            f"{endpoint.authority} sent no JSON that Triton would send"
        ) from error


def _refuse_stream() -> NoReturn:
    raise StreamingNeedsGrpc(
        "progress and previews need gRPC, by default on port 8001; use generate"
    )


# tritonclient has no types, hence Any.
def _infer_inputs(inputs: Tensors) -> list[Any]:
    made = []
    for name, array in inputs.items():
        tensor = blocking.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
        tensor.set_data_from_numpy(array)
        made.append(tensor)
    return made


def _outputs(result: Any) -> Tensors:
    names = [output["name"] for output in result.get_response()["outputs"]]
    return {name: result.as_numpy(name) for name in names}


class HttpTransport:
    """Blocking calls. A disconnect does not stop the server's work: Triton never sees it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    @contextmanager
    def _connected(self, timeout_s: float | None) -> Iterator[Any]:
        with _mapped_errors(self._endpoint):
            client = blocking.InferenceServerClient(
                self._endpoint.authority,
                ssl=self._endpoint.tls,
                connection_timeout=timeout_s,
                network_timeout=timeout_s,
            )
            _show_key(client, self._endpoint)
            try:
                yield client
            finally:
                client.close()

    def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""
        with self._connected(call.wait_s) as client:
            return _outputs(
                client.infer(
                    model,
                    _infer_inputs(inputs),
                    request_id=call.request_id,
                    timeout=call.timeout_us,
                    parameters=dict(call.parameters),
                )
            )

    def stream(self, model: str, inputs: Tensors, call: Call) -> Generator[Tensors, None, None]:
        """Refuse: Triton streams over gRPC alone."""
        _refuse_stream()

    def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""
        with self._connected(timeout_s) as client:
            return bool(client.is_server_ready() if model is None else client.is_model_ready(model))

    def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""
        with self._connected(timeout_s) as client:
            return str(client.get_server_metadata()["version"])

    def close(self) -> None:
        """Do nothing: every call closes its own connection."""


class AsyncHttpTransport:
    """The same calls for asyncio."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def _client(self, timeout_s: float | None) -> Any:
        client = asyncio_client.InferenceServerClient(
            self._endpoint.authority,
            ssl=self._endpoint.tls,
            conn_timeout=timeout_s,
        )
        _show_key(client, self._endpoint)
        return client

    async def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        """Return the one answer of `model`."""
        with _mapped_errors(self._endpoint):
            async with self._client(call.wait_s) as client:
                return _outputs(
                    await client.infer(
                        model,
                        _infer_inputs(inputs),
                        request_id=call.request_id,
                        timeout=call.timeout_us,
                        parameters=dict(call.parameters),
                    )
                )

    def stream(self, model: str, inputs: Tensors, call: Call) -> AsyncGenerator[Tensors, None]:
        """Refuse: Triton streams over gRPC alone."""
        _refuse_stream()

    async def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        """Say whether `model` takes requests; None means the server as a whole."""
        with _mapped_errors(self._endpoint):
            async with self._client(timeout_s) as client:
                if model is None:
                    return bool(await client.is_server_ready())
                return bool(await client.is_model_ready(model))

    async def server_version(self, *, timeout_s: float | None) -> str:
        """Return Triton's version."""
        with _mapped_errors(self._endpoint):
            async with self._client(timeout_s) as client:
                return str((await client.get_server_metadata())["version"])

    async def close(self) -> None:
        """Do nothing: every call closes its own connection."""
