"""Traces on a real Triton: a client's context reaches the networks inside an ensemble.

The nodes are the project's own border over stages that answer zeros: what is tested lies between
them.
"""

import os
from collections.abc import Iterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from instantid_server.contract import STAGE_KEY_PARAMETER, TRACE_PARAMETER
from instantid_server.observe.tracing import COLLECTOR_VARIABLE
from tests.e2e.collector import Collector, running_collector
from tests.e2e.light_repository import write_light_repositories
from tests.e2e.raw import infer_grpc, text
from tests.e2e.server import STAGE_KEY, RunningServer, running_server

pytestmark = pytest.mark.triton

TRACE_ID, SPAN_ID = bytes.fromhex("ab" * 16), bytes.fromhex("cd" * 8)
EXPECTED = ["text_encoder", "call denoise_step", "identitynet", "unet"]
PATIENCE_S = 60.0
NODE = '''"""Answers zeros; the text encoder asks the ensemble first."""

import numpy as np

from instantid_server.adapter import TritonStage
from instantid_server.contract import DENOISE_STEP, {constant}

DTYPES = {{"FP32": np.float32, "INT32": np.int32}}


def zeros(tensors):
    return {{
        spec.name: np.zeros((1, *(max(size, 1) for size in spec.dims)), DTYPES[spec.dtype])
        for spec in tensors
    }}


class Zeros:
    from_dlpack = None

    def __init__(self, call):
        self.call = call

    def run(self, requests):
        if {constant}.name == "text_encoder":
            self.call(DENOISE_STEP.name, zeros(DENOISE_STEP.inputs), ["noise_pred"])
        return [zeros({constant}.outputs) for _ in requests]


class TritonPythonModel(TritonStage):
    spec = {constant}

    @staticmethod
    def load(context):
        return Zeros(context.call)
'''


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced_server(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("traced")
    models, ensembles = write_light_repositories(folder)
    for name in ("text_encoder", "identitynet", "unet"):
        code = NODE.format(constant=name.upper())
        (models / name / "1" / "model.py").write_text(code)
    environment = {
        **os.environ,
        COLLECTOR_VARIABLE: collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "100",  # ms; five seconds by default
    }
    with running_server(folder, models, ensembles, environment=environment) as server:
        yield server


def parents_by_name(spans: list[Span]) -> dict[str, str]:
    names = {span.span_id: span.name for span in spans}
    return {span.name: names.get(span.parent_span_id, "the client") for span in spans}


def test_clients_context_goes_through_calls_and_ensembles(
    traced_server: RunningServer, collector: Collector
) -> None:
    traceparent = f"00-{TRACE_ID.hex()}-{SPAN_ID.hex()}-01"
    prompt = {"prompt": text("anything")[None]}
    parameters = {TRACE_PARAMETER: traceparent, STAGE_KEY_PARAMETER: STAGE_KEY}
    infer_grpc(traced_server.grpc_url, prompt, "text_encoder", parameters)
    spans = collector.wait_for(len(EXPECTED), PATIENCE_S)
    assert {span.trace_id for span in spans} == {TRACE_ID}
    assert parents_by_name(spans) == {
        "text_encoder": "the client",
        "call denoise_step": "text_encoder",
        "identitynet": "call denoise_step",
        "unet": "call denoise_step",
    }
    assert spans[0].parent_span_id == SPAN_ID
