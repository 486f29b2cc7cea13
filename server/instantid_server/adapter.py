"""Triton's side of every node: requests in, responses out. Nothing else imports its module."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from instantid_server import __version__
from instantid_server.contract import ModelSpec
from instantid_server.errors import (
    InstantIDError,
    Internal,
    InvalidInput,
    OutOfMemory,
    TritonStatus,
    from_stage,
)
from instantid_server.node import Array, Exchange, NodeContext, Outcome, Pipeline, Stage, Tensors

logger = logging.getLogger(__name__)


class TritonStage:
    """Base of a node's `TritonPythonModel`: names the contract and how to load the stage."""

    spec: ClassVar[ModelSpec]
    load: ClassVar[Callable[[NodeContext], Stage]]

    def initialize(self, args: dict[str, str]) -> None:
        """Load the stage; Triton calls this once for each instance."""
        _log_through_triton()
        self._stage = type(self).load(read_context(args))
        logger.info("%s %s is loaded", self.spec.name, __version__)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch; an error in one request leaves the others alone."""
        inputs: dict[int, Tensors] = {}
        outcomes: dict[int, Outcome] = {}
        for index, request in enumerate(requests):
            try:
                inputs[index] = _read_inputs(request, self.spec, self._stage.from_dlpack)
            except InstantIDError as error:
                outcomes[index] = error
        outcomes.update(zip(inputs, self._run(list(inputs.values())), strict=True))
        return [_response(outcomes[index]) for index in range(len(requests))]

    def _run(self, inputs: list[Tensors]) -> list[Outcome]:
        if not inputs:
            return []
        try:
            return self._stage.run(inputs)
        except Exception as error:  # the border: nothing unforeseen may end the node
            if len(inputs) > 1:  # which of them broke it? each alone shows it
                return [outcome for one in inputs for outcome in self._run([one])]
            return [unforeseen(error, self.spec.name)]


class TritonPipeline:
    """Base of the public models: many requests run at once, each on a thread of its own.

    `execute` hands the requests over and returns, so the next ones come in while these run. The
    unary model then answers late, with exactly one response; the decoupled one sends them all.
    """

    spec: ClassVar[ModelSpec]
    load: ClassVar[Callable[[NodeContext], tuple[Pipeline, int]]]

    def initialize(self, args: dict[str, str]) -> None:
        """Load the pipeline; Triton calls this once."""
        _log_through_triton()
        context = read_context(args)
        self._call = context.call
        self._pipeline, threads = type(self).load(context)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=self.spec.name)
        logger.info("%s %s is loaded", self.spec.name, __version__)

    def execute(self, requests: Sequence[Any]) -> None:
        """Start every request and return; inputs are copied, for their memory ends with this."""
        for request in requests:
            sender = request.get_response_sender()
            try:
                views = _read_inputs(request, self.spec, None)
                inputs = {name: array.copy() for name, array in views.items()}
            except InstantIDError as error:
                _send(sender, error, final=True)
            else:
                self._threads.submit(self._serve, inputs, sender)

    def finalize(self) -> None:
        """Let running requests end; called when the model is unloaded."""
        self._threads.shutdown(wait=True)

    def _serve(self, inputs: Tensors, sender: Any) -> None:
        def report(tensors: Tensors) -> None:
            _send(sender, tensors, final=False)

        outcome: Outcome
        try:
            # The unary model may send one response, no more.
            told = report if self.spec.decoupled else None
            exchange = Exchange(self._call, sender.is_cancelled, told)
            outcome = self._pipeline.generate(inputs, exchange)
        except InstantIDError as error:
            outcome = error
        except Exception as error:  # the border: a caller must never wait for nothing
            outcome = unforeseen(error, self.spec.name)
        else:
            outcome = {
                spec.name: outcome[spec.name] for spec in self.spec.outputs if spec.name in outcome
            }
        _send(sender, outcome, final=True)


def read_context(args: Mapping[str, str]) -> NodeContext:
    """Return Triton's `initialize` arguments as a NodeContext."""
    config = json.loads(args["model_config"])
    parameters = {
        name: value["string_value"] for name, value in config.get("parameters", {}).items()
    }
    # The backend's own parameters are in capitals and not for the stage.
    own = {name: value for name, value in parameters.items() if not name.isupper()}
    return NodeContext(
        directory=Path(args["model_repository"]) / args["model_version"],
        parameters=own,
        device_id=int(args["model_instance_device_id"]),
        max_batch_size=int(config["max_batch_size"]),
        output_types={
            output["name"]: output["data_type"].removeprefix("TYPE_") for output in config["output"]
        },
        call=call_stage,
    )


def call_stage(
    model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Run another model by BLS and wait for it; safe from any thread."""
    request = pb_utils.InferenceRequest(
        model_name=model,
        inputs=[pb_utils.Tensor(name, np.ascontiguousarray(a)) for name, a in inputs.items()],
        requested_output_names=list(outputs),
        # A stage on a GPU answers there; the caller here adds up numbers on the CPU.
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
    )
    try:
        response = request.exec()
    except pb_utils.TritonModelException as error:  # raised when the model is not there at all
        # `from None`: its text can name shared-memory regions and must not reach a log either.
        raise from_stage(str(error), TritonStatus.UNAVAILABLE, model) from None
    if response.has_error():
        raise from_stage(response.error().message(), _status_name(response.error()), model)
    found = {tensor.name(): tensor.as_numpy() for tensor in response.output_tensors()}
    return {name: found[name] for name in outputs}


def unforeseen(error: Exception, model: str) -> InstantIDError:
    """Return what the caller may know of an exception, and log its kind and place."""
    kind = type(error).__name__  # torch.OutOfMemoryError by name: torch is not imported here
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":
        logger.error("%s ran out of memory", model)
        return OutOfMemory(f"{model} ran out of memory; ask for a smaller or for fewer pictures")
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    function = place.tb_frame.f_code.co_qualname if place is not None else "?"
    line = place.tb_lineno if place is not None else 0
    logger.error("%s failed: %s in %s, line %d", model, kind, function, line)
    return Internal(f"{model} met an unforeseen error")


def _read_inputs(
    request: Any, spec: ModelSpec, from_dlpack: Callable[[object], Array] | None
) -> Tensors:
    tensors: dict[str, Array] = {}
    for expected in spec.inputs:
        tensor = pb_utils.get_input_tensor_by_name(request, expected.name)
        if tensor is not None:
            view = from_dlpack is not None and expected.dtype != "BYTES"
            tensors[expected.name] = from_dlpack(tensor) if view else tensor.as_numpy()  # type: ignore[misc]  # not None where view
        elif not expected.optional:
            raise InvalidInput(f"{expected.name}: required, but not given")
    return tensors


def _response(outcome: Outcome) -> Any:
    if isinstance(outcome, InstantIDError):
        code = getattr(pb_utils.TritonError, outcome.status)
        return pb_utils.InferenceResponse(error=pb_utils.TritonError(str(outcome), code))
    return pb_utils.InferenceResponse([_tensor(name, array) for name, array in outcome.items()])


def _tensor(name: str, array: Array) -> Any:
    if isinstance(array, np.ndarray):
        return pb_utils.Tensor(name, np.ascontiguousarray(array))
    return pb_utils.Tensor.from_dlpack(name, array.contiguous())


def _send(sender: Any, outcome: Outcome, final: bool) -> None:
    flags = pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL if final else 0
    sender.send(_response(outcome), flags=flags)


def _status_name(error: Any) -> str:
    for status in (*TritonStatus, "NOT_FOUND"):
        if error.code() == getattr(pb_utils.TritonError, status):
            return str(status)
    return TritonStatus.INTERNAL


class _TritonLogHandler(logging.Handler):
    """Writes Python's log records into Triton's log."""

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        if record.levelno >= logging.ERROR:
            pb_utils.Logger.log_error(text)
        elif record.levelno >= logging.WARNING:
            pb_utils.Logger.log_warn(text)
        else:
            pb_utils.Logger.log_info(text)


def _log_through_triton() -> None:
    package_logger = logging.getLogger("instantid_server")
    package_logger.setLevel(logging.INFO)
    package_logger.handlers = [_TritonLogHandler()]
    package_logger.propagate = False
