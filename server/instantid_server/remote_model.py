"""A model of another Triton, asked over gRPC."""

import json
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from numpy.typing import NDArray
from tritonclient.grpc import InferenceServerClient, InferInput, InferResult
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

_SERVICE_CONFIG = {
    # Of a name with many addresses, such as a headless Kubernetes service, the first would get all.
    "loadBalancingConfig": [{"round_robin": {}}],
    # Each address in turn, so the second try is at another server when one is about to end.
    "methodConfig": [
        {
            "name": [{"service": "inference.GRPCInferenceService"}],
            "retryPolicy": {
                "maxAttempts": 2,
                "initialBackoff": "0.1s",
                "maxBackoff": "0.1s",
                "backoffMultiplier": 1,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
_CHANNEL_ARGUMENTS = (
    ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
    ("grpc.per_rpc_retry_buffer_size", 256 * 1024 * 1024),  # a request is sent again from memory
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_reconnect_backoff_ms", 2000),  # find a server soon that is back
)
_KNOWN_BY_HEART_S = 2.0  # to say what takes no computing
_ANSWER_S = 120.0  # longer than a stage takes; a server that the network lost says nothing at all
_AWAY = {
    f"StatusCode.{name}" for name in ("UNAVAILABLE", "NOT_FOUND", "DEADLINE_EXCEEDED", "CANCELLED")
}


class RemoteFailure(Exception):
    """The other server did not answer, or with an error, whose text may be Triton's own."""

    def __init__(self, text: str, is_away: bool) -> None:
        super().__init__(text)
        self.text = text
        self.is_away = is_away  # or was on its way out


class RemoteAnswer:
    """An answer that is on its way."""

    def __init__(self) -> None:
        self._result: Future[InferResult] = Future()

    def arrive(self, result: InferResult, error: InferenceServerException | None) -> None:
        """Take what tritonclient hands over, on a thread of gRPC's."""
        if error is None:
            self._result.set_result(result)
        else:
            away = error.status() in _AWAY
            self._result.set_exception(RemoteFailure(error.message() or "", away))

    def wait(self, types: Mapping[str, str]) -> dict[str, NDArray[Any]]:
        """Return the outputs in these of Triton's types; raises RemoteFailure."""
        result = self._result.result()
        # Copies, for what lies in gRPC's memory cannot be written to, and Triton insists on that.
        return {
            output.name: result.as_numpy(output.name).astype(triton_to_np_dtype(types[output.name]))
            for output in result.get_response().outputs
        }


class RemoteModel:
    """One model at one address; any thread may use it."""

    def __init__(self, name: str, address: str) -> None:
        """Connect as soon as it is asked something."""
        self.name = name
        self._client = InferenceServerClient(address, channel_args=_CHANNEL_ARGUMENTS)

    def is_ready(self) -> bool:
        """Tell whether it would answer now."""
        try:
            return bool(self._client.is_model_ready(self.name, client_timeout=_KNOWN_BY_HEART_S))
        except InferenceServerException:
            return False

    def input_types(self) -> dict[str, str] | None:
        """Return Triton's type of each input; None: it would not answer now."""
        if not self.is_ready():
            return None
        try:
            told = self._client.get_model_metadata(self.name, client_timeout=_KNOWN_BY_HEART_S)
        except InferenceServerException:  # it has just gone
            return None
        return {spec.name: spec.datatype for spec in told.inputs}

    def ask(
        self,
        inputs: Mapping[str, NDArray[Any]],
        types: Mapping[str, str],
        parameters: Mapping[str, str],
    ) -> RemoteAnswer:
        """Send a request, its inputs in these of Triton's types, and return at once."""
        answer = RemoteAnswer()
        self._client.async_infer(
            self.name,
            [_input(name, array, types[name]) for name, array in inputs.items()],
            answer.arrive,
            client_timeout=_ANSWER_S,
            parameters=dict(parameters),
        )
        return answer


def _input(name: str, array: NDArray[Any], datatype: str) -> InferInput:
    wanted = InferInput(name, array.shape, datatype)
    wanted.set_data_from_numpy(array.astype(triton_to_np_dtype(datatype), copy=False))
    return wanted
