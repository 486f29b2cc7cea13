"""Triton's side of every node: requests in, responses out. Nothing else imports its module."""

import json
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from instantid_server import __version__
from instantid_server.caller import TENANT_VARIABLE, Caller, read_caller
from instantid_server.contract import TENANT_PARAMETER, TRACE_PARAMETER, ModelSpec
from instantid_server.desk_link import DeskLink
from instantid_server.errors import (
    Cancelled,
    InstantIDError,
    InvalidInput,
    TritonStatus,
    from_stage,
)
from instantid_server.node import (
    Array,
    Control,
    Exchange,
    NodeContext,
    Outcome,
    Pipeline,
    Stage,
    Tensors,
)
from instantid_server.observe.observer import Observer
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.tracing import start_tracing
from instantid_server.observe.triton_log import log_through
from instantid_server.parameters import read_id, read_parameters
from instantid_server.remote import load_stage
from instantid_server.service import StageService, unforeseen
from instantid_server.stage_key import StageKey

logger = logging.getLogger(__name__)

_tracing = start_tracing(os.environ)

_SPARE_THREADS = 8  # beside those of accepted requests, to refuse others at once


class TritonStage:
    """Base of a node's `TritonPythonModel`: names the contract and how to load the stage."""

    spec: ClassVar[ModelSpec]
    load: ClassVar[Callable[[NodeContext], Stage]]

    def initialize(self, args: dict[str, str]) -> None:
        """Load the stage; Triton calls this once for each instance."""
        log_through(pb_utils.Logger)
        self._key = StageKey.from_environment()
        self._stage = load_stage(self.spec, type(self).load, read_context(args), _tracing)
        self._service = StageService(self.spec.name)
        logger.info("%s %s is loaded", self.spec.name, __version__)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer a batch; an error in one request leaves the others alone."""
        inputs: dict[int, Tensors] = {}
        outcomes: dict[int, Outcome] = {}
        traceparents = []
        for index, request in enumerate(requests):
            try:
                given = read_parameters(request)
                self._key.check(given, self.spec.name)
                traceparents.append(str(given.get(TRACE_PARAMETER, "")))
                inputs[index] = _read_inputs(request, self.spec, self._stage.from_dlpack)
            except InstantIDError as error:
                outcomes[index] = error
        with _tracing.executing(self.spec.name, traceparents):
            answered = self._service.run(self._stage, list(inputs.values()))
        outcomes.update(zip(inputs, answered, strict=True))
        return [_response(outcomes[index]) for index in range(len(requests))]

    def finalize(self) -> None:
        """Send what is left of the traces; called when the model is unloaded."""
        _tracing.close()


class TritonPipeline:
    """Base of the public models: many requests run at once, each on a thread of its own.

    `execute` hands the requests over and returns, so the next ones come in while these run. The
    unary model then answers late, with exactly one response; the decoupled one sends them all. How
    many run is decided at the admission desk, so there is a thread for everyone it may accept.
    """

    spec: ClassVar[ModelSpec]
    load: ClassVar[Callable[[NodeContext], Pipeline]]

    def initialize(self, args: dict[str, str]) -> None:
        """Load the pipeline; Triton calls this once."""
        log_through(pb_utils.Logger)
        context = read_context(args)
        self._call = context.call
        self._desk = DeskLink.from_environment()
        self._pipeline = type(self).load(context)
        num_threads = self._desk.max_requests() + _SPARE_THREADS
        self._threads = ThreadPoolExecutor(num_threads, thread_name_prefix=self.spec.name)
        self._observer = Observer(
            self.spec.name, pb_utils.MetricFamily, pb_utils.TritonModelException, _tracing
        )
        self._observer.start()
        logger.info("%s %s is loaded", self.spec.name, __version__)

    def execute(self, requests: Sequence[Any]) -> None:
        """Start every request and return; inputs are copied, for their memory ends with this."""
        arrived_s = time.monotonic()
        for request in requests:
            sender = request.get_response_sender()
            caller = Caller()
            try:
                caller = _read_caller(request, arrived_s)
                views = _read_inputs(request, self.spec, None)
                inputs = {name: array.copy() for name, array in views.items()}
            except InstantIDError as error:
                record = self._observer.arrive(caller)
                with self._observer.watch(record):
                    self._answer(sender, error, record)
            else:
                record = self._observer.arrive(caller)
                self._threads.submit(self._serve, inputs, caller, sender, record)

    def finalize(self) -> None:
        """Let running requests end; called when the model is unloaded."""
        self._threads.shutdown(wait=True)
        self._observer.stop()

    def _serve(self, inputs: Tensors, caller: Caller, sender: Any, record: RequestRecord) -> None:
        with self._observer.watch(record):
            self._answer(sender, self._generate(inputs, caller, sender, record), record)

    def _answer(self, sender: Any, outcome: Outcome, record: RequestRecord) -> None:
        try:
            try:
                record.end(outcome)
            finally:  # a caller must never wait for nothing
                _send(sender, outcome, final=True)
        except pb_utils.TritonModelException:  # such as no shared memory left
            # Nothing more can be sent: the caller would wait until Triton ends.
            logger.error("%s could not send an answer", self.spec.name)
            self._desk.report_broken(self.spec.name)

    def _generate(
        self, inputs: Tensors, caller: Caller, sender: Any, record: RequestRecord
    ) -> Outcome:
        def report(tensors: Tensors) -> None:
            _send(sender, tensors, final=False)
            if "preview" in tensors:
                record.show_preview()

        try:
            # The unary model may send one response, no more.
            told = report if self.spec.decoupled else None
            exchange = Exchange(self._call, caller, self._desk, sender.is_cancelled, told, record)
            tensors = self._pipeline.generate(inputs, exchange)
        except InstantIDError as error:
            return error
        except Exception as error:  # the border: a caller must never wait for nothing
            return unforeseen(error, self.spec.name)
        return {spec.name: tensors[spec.name] for spec in self.spec.outputs if spec.name in tensors}


class TritonControl:
    """Base of the public models that work on requests instead of pictures, and answer at once."""

    spec: ClassVar[ModelSpec]
    load: ClassVar[Callable[[DeskLink], Control]]

    def initialize(self, args: dict[str, str]) -> None:
        """Find the admission desk; Triton calls this once."""
        log_through(pb_utils.Logger)
        self._control = type(self).load(DeskLink.from_environment())
        logger.info("%s %s is loaded", self.spec.name, __version__)

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer one request after the other."""
        return [_response(self._answer(request)) for request in requests]

    def _answer(self, request: Any) -> Outcome:
        if request.is_cancelled():  # while it waited
            return Cancelled("the caller has gone")
        try:
            caller = _read_caller(request, time.monotonic())
            return self._control.answer(_read_inputs(request, self.spec, None), caller)
        except InstantIDError as error:
            return error
        except Exception as error:  # the border: Triton would answer with a traceback
            return unforeseen(error, self.spec.name)


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
    with _tracing.calling(model) as parameters:
        return _execute(model, inputs, outputs, parameters)


def _execute(
    model: str,
    inputs: Mapping[str, NDArray[Any]],
    outputs: Sequence[str],
    parameters: Mapping[str, str],
) -> dict[str, NDArray[Any]]:
    request = pb_utils.InferenceRequest(
        model_name=model,
        inputs=[pb_utils.Tensor(name, np.ascontiguousarray(a)) for name, a in inputs.items()],
        requested_output_names=list(outputs),
        # A stage on a GPU answers there; the caller here adds up numbers on the CPU.
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        parameters={**parameters, **StageKey.from_environment().parameters()},
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


def _read_caller(request: Any, arrived_s: float) -> Caller:
    tenant_from = os.environ.get(TENANT_VARIABLE, TENANT_PARAMETER)
    given = read_parameters(request)
    return read_caller(read_id(request), given, request.timeout(), arrived_s, tenant_from)


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
    # Triton bounds what comes over HTTP, and nothing that comes over gRPC.
    size = sum(_num_bytes(array) for array in tensors.values())
    if size > spec.max_input_bytes:
        raise InvalidInput(f"inputs: expected at most {spec.max_input_bytes} bytes, got {size}")
    return tensors


def _num_bytes(array: Array) -> int:
    if array.dtype == np.object_:
        return sum(map(len, array.flat))
    return int(array.nbytes)


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
