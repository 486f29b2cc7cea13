"""A stage's service: what its callers get when it fails, and when it must not be asked any more.

A network that ran out of memory, or whose GPU is in a broken state, may answer nonsense from then
on. Such a stage leaves service: it computes nothing more and asks to be loaded again.
"""

import logging

from instantid_server.contract import RETRY_HINT, STAGE_RETRY_S
from instantid_server.desk_link import DeskLink, DeskUnknown
from instantid_server.errors import InstantIDError, Internal, ModelNotReady, OutOfMemory
from instantid_server.node import Outcome, Stage, Tensors

logger = logging.getLogger(__name__)

# torch's own classes by name, for torch is not imported here, and the words of errors that have no
# class of their own: from torch's CPU allocator and its CUDA calls, and from onnxruntime.
_OUT_OF_MEMORY = "OutOfMemoryError"
_OUT_OF_MEMORY_TEXTS = ("can't allocate memory", "Failed to allocate memory", "out of memory")
_BROKEN_GPU = "AcceleratorError"
_BROKEN_GPU_TEXTS = ("CUDA error", "CUDA failure", "cuDNN error", "CUDNN_STATUS", "CUBLAS_STATUS")


class StageService:
    """Runs the stage of one node for as long as that can be trusted."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._left = False

    def run(self, stage: Stage, inputs: list[Tensors]) -> list[Outcome]:
        """Return one outcome a request, in order; raises nothing."""
        if not inputs:
            return []
        if self._left:
            self._ask_for_reload()  # once more: the word may have come while another reload ended
            return [self._absence()] * len(inputs)
        try:
            return stage.run(inputs)
        except Exception as error:  # the border: nothing unforeseen may end the node
            if is_out_of_memory(error) or is_broken_gpu(error):
                return [self._leave(error)] * len(inputs)
            if len(inputs) > 1:  # which of them broke it? each alone shows it
                return [outcome for one in inputs for outcome in self.run(stage, [one])]
            return [unforeseen(error, self._model)]

    def _leave(self, error: Exception) -> InstantIDError:
        self._left = True
        outcome = unforeseen(error, self._model)
        self._ask_for_reload()
        return outcome if isinstance(outcome, OutOfMemory) else self._absence()

    def _ask_for_reload(self) -> None:
        try:
            DeskLink.from_environment().report_broken(self._model)
        except (DeskUnknown, ModelNotReady):
            logger.error("%s left service, and nobody is there to load it again", self._model)

    def _absence(self) -> ModelNotReady:
        hint = RETRY_HINT.format(seconds=STAGE_RETRY_S)
        return ModelNotReady(f"the stage {self._model} left service and is loaded again; {hint}")


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether a network found no memory, on the CPU or on a GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == _OUT_OF_MEMORY:
        return True
    return _mentions(error, _OUT_OF_MEMORY_TEXTS)


def is_broken_gpu(error: Exception) -> bool:
    """Tell whether a GPU refuses to go on for this process."""
    if type(error).__name__ == _BROKEN_GPU:
        return True
    return _mentions(error, _BROKEN_GPU_TEXTS)


def unforeseen(error: Exception, model: str) -> InstantIDError:
    """Return what the caller may know of an exception, and log its kind and place."""
    if is_out_of_memory(error):
        logger.error("%s ran out of memory", model)
        return OutOfMemory(f"{model} ran out of memory; ask for a smaller or for fewer pictures")
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    function = place.tb_frame.f_code.co_qualname if place is not None else "?"
    line = place.tb_lineno if place is not None else 0
    kind = type(error).__name__
    logger.error("%s failed: %s in %s, line %d", model, kind, function, line)
    return Internal(f"{model} met an unforeseen error")


def _mentions(error: Exception, texts: tuple[str, ...]) -> bool:
    # Of a network only: the text of any other error may quote the request.
    of_network = isinstance(error, RuntimeError) or type(error).__module__.startswith("onnxruntime")
    return of_network and any(text in str(error) for text in texts)
