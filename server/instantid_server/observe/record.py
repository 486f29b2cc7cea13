"""What one request does, from arrival to answer, counted while it happens."""

import re
from collections.abc import Iterable, Mapping
from math import isnan
from typing import Any

from instantid_server.caller import Caller
from instantid_server.contract import IDENTITYNET, UNET
from instantid_server.errors import InstantIDError
from instantid_server.observe import metrics
from instantid_server.observe.tally import Tally
from instantid_server.timings import StepBatches, Timings

_MAX_NAME_LENGTH = 64  # in the log; a UUID has 36
_UNSAFE = re.compile(r"[^A-Za-z0-9._:-]")  # in a name that a caller chose


class RequestRecord:
    """One request's course; its own thread tells it."""

    def __init__(self, model: str, caller: Caller, tally: Tally) -> None:
        self.model = model
        self.request_id = _safe(caller.request_id)
        self.tenant = _safe(caller.tenant)
        self.traceparent = caller.traceparent
        self.timings = Timings()
        self.outcome = metrics.OUTCOME_OK
        self.num_pictures = 0
        self._tally = tally
        self._admitted = False
        self._shown = False
        tally.shift(metrics.WAITING, 1)

    def admit(self) -> None:
        """Say that the request has stopped to wait and runs."""
        self._admitted = True
        self.timings.add("waiting", self.timings.elapsed_s)
        self._tally.shift(metrics.WAITING, -1)
        self._tally.shift(metrics.IN_FLIGHT, 1)
        self._tally.add(metrics.ADMITTED)

    def add_step(self, seconds: float, batches: StepBatches) -> None:
        """Count a step of the loop."""
        self.timings.add_step(seconds, batches)
        self._tally.add(metrics.STEPS)
        for stage, shared in ((UNET, batches.unet), (IDENTITYNET, batches.identitynet)):
            if shared:
                self._tally.add(metrics.STEP_CALLS, 1, stage.name)
                self._tally.add(metrics.STEP_BATCH_REQUESTS, shared, stage.name)

    def show_preview(self) -> None:
        """Say that a preview has been sent."""
        if not self._shown:
            self._shown = True
            self._tally.observe(metrics.FIRST_PREVIEW, self.timings.elapsed_s)

    def end(self, outcome: Mapping[str, Any] | InstantIDError) -> None:
        """End with the tensors of the answer, or with an error."""
        if isinstance(outcome, InstantIDError):
            self.fail(outcome)
        else:
            self.deliver(outcome.get("identity_similarity", ()))  # an enrolment has no pictures

    def deliver(self, similarities: Iterable[float]) -> None:
        """End with pictures; each has a similarity, NaN where no face was found."""
        for similarity in similarities:
            self.num_pictures += 1
            if not isnan(similarity):
                self._tally.observe(metrics.SIMILARITY, float(similarity))
        self._tally.add(metrics.PICTURES, self.num_pictures)
        if self.num_pictures:  # an enrolment is no picture, and soon done
            self._tally.observe(metrics.DURATION, self.timings.elapsed_s)
        self._end()

    def fail(self, error: InstantIDError) -> None:
        """End with an error."""
        self.outcome = error.code
        self._tally.add(metrics.WASTED_STEPS, self.timings.num_steps)
        if not self._admitted and error.code in metrics.REFUSED.values:
            self._tally.add(metrics.REFUSED, 1, error.code)
        self._end()

    def _end(self) -> None:
        self._tally.shift(metrics.IN_FLIGHT if self._admitted else metrics.WAITING, -1)
        self._tally.add(metrics.ENDED, 1, self.outcome)


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name[:_MAX_NAME_LENGTH])
