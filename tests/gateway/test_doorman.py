"""The doorman: which gRPC messages it passes on, and that it passes them on unchanged."""

from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from instantid_server.contract import MAX_REQUEST_BYTES, MODELS, PUBLIC_MODELS
from instantid_server.doorman import check_model
from instantid_server.errors import InvalidInput, NotPublic

PATIENCE_S = 30.0
STAGES = sorted(set(MODELS) - set(PUBLIC_MODELS))
NOT_PUBLIC = "[NOT_PUBLIC] model: expected one of "


@pytest.fixture(scope="module")
def stub(doorman_port: int) -> Iterator[Any]:
    options = (("grpc.max_send_message_length", -1),)
    with grpc.insecure_channel(f"127.0.0.1:{doorman_port}", options=options) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def request(model: str, request_id: str = "") -> Any:
    return service_pb2.ModelInferRequest(model_name=model, id=request_id)


def refusal(call: Any) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("model", PUBLIC_MODELS)
def test_message_to_a_public_model_is_answered(model: str, stub: Any) -> None:
    answer = stub.ModelInfer(request(model, "r-1"), timeout=PATIENCE_S)
    assert (answer.model_name, answer.id) == (model, "r-1")


@pytest.mark.parametrize("model", [*STAGES, "", "instantid/../unet", "INSTANTID"])
def test_message_to_another_model_is_refused(model: str, stub: Any) -> None:
    error = refusal(lambda: stub.ModelInfer(request(model), timeout=PATIENCE_S))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith(NOT_PUBLIC)


def test_last_of_two_names_counts_as_it_does_for_triton() -> None:
    first, second = (request(model).SerializeToString() for model in ("unet", "verify"))
    check_model(first + second)
    with pytest.raises(NotPublic):
        check_model(second + first)


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"])
def test_message_of_no_service_is_refused(message: bytes) -> None:
    with pytest.raises(InvalidInput, match="message: expected one of Triton's"):
        check_model(message)


def test_questions_about_public_models_alone_are_passed_on(stub: Any) -> None:
    ready = service_pb2.ModelReadyRequest
    assert stub.ModelReady(ready(name="instantid"), timeout=PATIENCE_S).ready
    error = refusal(lambda: stub.ModelReady(ready(name="unet"), timeout=PATIENCE_S))
    assert error.details().startswith(NOT_PUBLIC)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("RepositoryIndex", service_pb2.RepositoryIndexRequest()),
        ("RepositoryModelUnload", service_pb2.RepositoryModelUnloadRequest(model_name="instantid")),
        ("ModelConfig", service_pb2.ModelConfigRequest(name="instantid")),
        ("ModelStatistics", service_pb2.ModelStatisticsRequest(name="instantid")),
        ("SystemSharedMemoryRegister", service_pb2.SystemSharedMemoryRegisterRequest(name="a")),
        ("TraceSetting", service_pb2.TraceSettingRequest(model_name="instantid")),
        ("LogSettings", service_pb2.LogSettingsRequest()),
    ],
)
def test_other_methods_are_not_there(method: str, message: Any, stub: Any) -> None:
    error = refusal(lambda: getattr(stub, method)(message, timeout=PATIENCE_S))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


class Stream:
    """An open stream: its messages are sent one by one."""

    def __init__(self, stub: Any) -> None:
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._answers = stub.ModelStreamInfer(iter(self._messages.get, None), timeout=PATIENCE_S)

    def ask(self, model: str, request_id: str = "") -> Any:
        """Send a message and wait for its answer."""
        self._messages.put(request(model, request_id))
        return next(self._answers).infer_response

    def close(self) -> list[Any]:
        """Say that this was all; return what still comes."""
        self._messages.put(None)
        return list(self._answers)


def test_every_message_of_a_stream_is_answered_while_it_is_open(stub: Any) -> None:
    stream = Stream(stub)
    names = ["first", "second", "third"]
    assert [stream.ask("instantid_stream", name).id for name in names] == names
    assert stream.close() == []


def test_stream_ends_with_its_first_message_to_another_model(stub: Any) -> None:
    stream = Stream(stub)
    assert stream.ask("instantid_stream").model_name == "instantid_stream"
    error = refusal(lambda: stream.ask("face_embedder"))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.details().startswith(NOT_PUBLIC)


def test_headers_of_the_gateway_and_of_the_client_arrive(stub: Any) -> None:
    given = (("instantid-tenant", "a"), ("triton_grpc_error", "true"))
    answer = stub.ModelInfer(request("verify"), metadata=given, timeout=PATIENCE_S)
    seen = {key: value.string_param for key, value in answer.parameters.items()}
    assert dict(given).items() <= seen.items()


def test_error_of_triton_is_handed_on(stub: Any) -> None:
    error = refusal(lambda: stub.ModelInfer(request("instantid", "fail"), timeout=PATIENCE_S))
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    assert error.details() == "[OVERLOADED] try again in 3 s"


def test_message_above_the_contracts_limit_is_refused(stub: Any) -> None:
    large = request("instantid")
    large.raw_input_contents.append(bytes(MAX_REQUEST_BYTES + 2**21))
    error = refusal(lambda: stub.ModelInfer(large, timeout=PATIENCE_S))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
