"""A stage that another server answers: this one hands requests over, and answers back."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

from instantid_server.contract import ModelSpec
from instantid_server.errors import InstantIDError, NotPublic, StageFailed, TritonStatus, from_stage
from instantid_server.node import Array, NodeContext, Outcome, Tensors
from instantid_server.observe.tracing import Tracing
from instantid_server.remote_model import RemoteAnswer, RemoteFailure, RemoteModel
from instantid_server.stage_key import StageKey

logger = logging.getLogger(__name__)

_PAUSE_S = 1.0  # between two questions whether the other server is there


class RemoteStage:
    """One stage, with the names and types of this server's contract."""

    from_dlpack: Callable[[object], Array] | None = None  # what travels is in the CPU's memory

    def __init__(
        self,
        model: RemoteModel,
        input_types: Mapping[str, str],
        output_types: Mapping[str, str],
        tracing: Tracing,
    ) -> None:
        """Take a model that is there: its input types, and the output types of this server."""
        self._model = model
        self._input_types = input_types
        self._output_types = output_types
        self._tracing = tracing
        self._key = StageKey.from_environment()

    @classmethod
    def connect(cls, spec: ModelSpec, address: str, context: NodeContext, tracing: Tracing) -> Self:
        """Return the stage when the other server answers; it counts as loading until then."""
        model = RemoteModel(spec.name, address)
        types = model.input_types()
        if types is None:
            logger.warning("%s waits for %s", spec.name, address)
        while types is None:
            time.sleep(_PAUSE_S)
            types = model.input_types()
        logger.info("%s is answered by %s", spec.name, address)
        return cls(model, types, _output_types(spec, context), tracing)

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Ask for all at once, so that the other server can answer them in one batch, and wait."""
        with self._tracing.calling(self._model.name) as parameters:
            told = {**parameters, **self._key.parameters()}
            answers = [self._model.ask(request, self._input_types, told) for request in requests]
            return [self._outcome(answer) for answer in answers]

    def _outcome(self, answer: RemoteAnswer) -> Outcome:
        try:
            return answer.wait(self._output_types)
        except RemoteFailure as failure:
            return self._error(failure)

    def _error(self, failure: RemoteFailure) -> InstantIDError:
        status = TritonStatus.UNAVAILABLE if failure.is_away else TritonStatus.INTERNAL
        error = from_stage(failure.text, status, self._model.name)
        if isinstance(error, NotPublic):  # the operator's mistake, not the caller's
            logger.error("%s: the other server has another stage key", self._model.name)
            return StageFailed(f"the stage {self._model.name} failed")
        return error


def _output_types(spec: ModelSpec, context: NodeContext) -> dict[str, str]:
    """Return Triton's type of each output here, where another profile may be in use than there."""
    return {
        output.name: context.output_types[output.name] if output.on_wire else output.dtype
        for output in spec.outputs
    }
