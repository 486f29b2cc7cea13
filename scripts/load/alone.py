"""One client on an otherwise idle machine: the latency of each way of serving, and of one step."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tritonclient import grpc
from tritonclient.utils import np_to_triton_dtype

from instantid_server.contract import INSTANTID
from scripts.load.in_process import InProcessPipeline
from scripts.load.workloads import WORKLOADS, Requests, Scale

FEW_STEPS = 2  # a second length of the loop, to tell the steps from the rest

# Draws one headline picture in so many steps.
Draw: TypeAlias = Callable[[int], object]


@dataclass(frozen=True)
class Alone:
    """What one client sees."""

    latency_s: float
    step_ms: float


def drawn_in_process(pipeline: InProcessPipeline, scale: Scale) -> Draw:
    """Return the headline request in this process."""
    requests = _headline(scale)
    return lambda steps: pipeline.draw(_in_steps(requests.draw(), steps))


def drawn_by_server(url: str, scale: Scale, model: str = INSTANTID.name) -> Draw:
    """Return the same request to a model of a server, over gRPC."""
    requests = _headline(scale)
    client = grpc.InferenceServerClient(url)

    def draw(steps: int) -> object:
        inputs = []
        for name, array in _in_steps(requests.draw(), steps).items():
            tensor = grpc.InferInput(name, list(array.shape), np_to_triton_dtype(array.dtype))
            tensor.set_data_from_numpy(array)
            inputs.append(tensor)
        return client.infer(model, inputs)

    return draw


def measure_alone(draws: Mapping[str, Draw], steps: int, repeats: int) -> dict[str, Alone]:
    """Return what each way takes; they take turns, so that a busy moment hits all of them."""
    seconds: dict[tuple[str, int], list[float]] = {}
    for turn in range(repeats + 1):
        for name, draw in draws.items():
            for length in (steps, FEW_STEPS):
                started = perf_counter()
                draw(length)
                if turn:  # the first one warms up
                    seconds.setdefault((name, length), []).append(perf_counter() - started)
    return {
        name: _alone(seconds[name, steps], seconds[name, FEW_STEPS], steps - FEW_STEPS)
        for name in draws
    }


def _alone(long: list[float], short: list[float], more_steps: int) -> Alone:
    latency_s = statistics.median(long)
    return Alone(latency_s, (latency_s - statistics.median(short)) / more_steps * 1000)


def _headline(scale: Scale) -> Requests:
    return Requests(WORKLOADS["headline"], scale, seed=0)


def _in_steps(request: dict[str, NDArray[Any]], steps: int) -> dict[str, NDArray[Any]]:
    return {**request, "num_inference_steps": np.array([steps], np.int32)}
