"""Reloads: models that are unloaded and loaded again while the rest of the server goes on."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from instantid_server.serving.api import UNLOADING, TritonApi, TritonApiError

UNLOAD_PATIENCE_S = 2.0
_POLL_S = 0.05


@dataclass(frozen=True)
class Reload:
    """A reload that has ended."""

    model: str
    seconds: float
    error: TritonApiError | None  # None: the model is ready


class Reloads:
    """Runs reloads one after the other, on a thread of its own."""

    def __init__(self, api: TritonApi) -> None:
        self._api = api
        self._thread = _new_thread()
        self._pending: dict[str, Future[Reload]] = {}

    @property
    def models(self) -> frozenset[str]:
        """The models that are on their way."""
        return frozenset(self._pending)

    def begin(self, model: str) -> None:
        """Reload a model that is not on its way already."""
        self._pending[model] = self._thread.submit(self._reload, model)

    def take_ended(self) -> Iterator[Reload]:
        """Yield the reloads that have ended, each once."""
        for model, future in list(self._pending.items()):
            if future.done():
                del self._pending[model]
                yield future.result()

    def abandon(self) -> None:
        """Forget them all; what runs ends by itself when its Triton does."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._thread = _new_thread()
        self._pending = {}

    def _reload(self, model: str) -> Reload:
        began = time.monotonic()
        error = None
        try:
            self._api.unload(model)  # without it, loading a model whose process died may do nothing
            # A broken process should give its memory back first. One that died at work, however, is
            # never let go by Triton; the new one then loads beside what is left of it.
            while self._api.model_states().get(model) == UNLOADING:
                if time.monotonic() - began > UNLOAD_PATIENCE_S:
                    break
                time.sleep(_POLL_S)
            self._api.load(model)
        except TritonApiError as refusal:
            error = refusal
        return Reload(model, time.monotonic() - began, error)


def _new_thread() -> ThreadPoolExecutor:
    # One: two models of an ensemble must not be loaded at the same time.
    return ThreadPoolExecutor(1, thread_name_prefix="reload")
