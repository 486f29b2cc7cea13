"""Who sends a request to a pipeline whose stages only add up, and listens to its progress."""

import json
from pathlib import Path
from typing import Any

from public_requests import picture_request
from stages import FakeStages

from instantid_server.caller import Caller
from instantid_server.desk_link import DeskLink
from instantid_server.generation import Generation, PipelineWeights
from instantid_server.node import Exchange, NodeContext, Tensors
from instantid_server.observe.record import RequestRecord
from instantid_server.observe.tally import Tally
from instantid_server.permits import Permits
from instantid_server.settings import PipelineSettings
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ConsentPolicy, Policy

WITHOUT_CONSENT = Policy(consent=ConsentPolicy(required=False, raw_embeddings=True))


class Sender:
    """Sends one request after the other and may go away."""

    def __init__(self, context: NodeContext, policy: Policy) -> None:
        self._directory = context.directory
        self.policy = policy
        self.stages = FakeStages()
        self.reports: list[Tensors] = []
        self.leaves_after_calls = 10**6
        self.tenant = ""

    def generate(self, wire_dtype: str = "FP32", **options: Any) -> Tensors:
        """Ask for a picture; `options` are inputs, None takes one away."""
        keys, repository = Keys.from_environment(), self._directory.parents[1]
        generation = Generation(
            PipelineWeights.load(self._directory),
            PipelineSettings(wire_dtype=wire_dtype),
            self.policy,
            keys,
            Permits.load(self.policy, keys, repository, self._directory.name),
        )
        caller = Caller(request_id="a-request", tenant=self.tenant)
        exchange = Exchange(
            call=self.stages,
            caller=caller,
            desk=DeskLink.from_environment(),
            is_cancelled=self._has_left,
            report=self.reports.append,
            record=RequestRecord("instantid", caller, Tally()),
        )
        return generation.generate(picture_request(**options), exchange)

    def events(self) -> list[str]:
        """Return what was reported, in order."""
        return [report["event"][0].decode() for report in self.reports]

    def _has_left(self) -> bool:
        return len(self.stages.calls) >= self.leaves_after_calls


def decisions(records: Path) -> list[dict[str, Any]]:
    """Return what is on record."""
    return [json.loads(line) for line in records.read_text().splitlines()]
