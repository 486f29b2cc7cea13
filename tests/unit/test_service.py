"""A stage leaves service when its network can no longer be trusted, and for nothing else."""

from collections.abc import Sequence

import onnxruntime
import pytest
import torch

from instantid_server.desk_link import DESK_VARIABLE
from instantid_server.errors import Internal, ModelNotReady, OutOfMemory
from instantid_server.node import Outcome, Tensors
from instantid_server.service import StageService
from instantid_server.serving.desk import AdmissionDesk

REQUEST: Tensors = {}


class Failing:
    """A stage whose network raises; it counts how often it was asked."""

    from_dlpack = None

    def __init__(self, error: Exception) -> None:
        self.asked = 0
        self._error = error

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        self.asked += 1
        raise self._error


# What torch 2.13 and onnxruntime 1.32 raise.
NO_MEMORY = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
    onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("Failed to allocate memory"),
]
BROKEN_GPU = [
    torch.AcceleratorError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling cublasSgemm"),
    RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"),
    onnxruntime.capi.onnxruntime_pybind11_state.Fail("CUDA failure 700: an illegal memory access"),
]
ORDINARY = [
    RuntimeError("mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"),
    ValueError("prompt: a picture of a CUDA error, out of memory"),
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=repr)
def test_no_memory_ends_the_service(error: Exception, desk: AdmissionDesk) -> None:
    stage, service = Failing(error), StageService("unet")
    first = service.run(stage, [REQUEST, REQUEST])
    assert [type(outcome) for outcome in first] == [OutOfMemory] * 2
    assert desk.broken_models() == ["unet"]


@pytest.mark.parametrize("error", BROKEN_GPU, ids=repr)
def test_broken_gpu_ends_the_service(error: Exception, desk: AdmissionDesk) -> None:
    stage, service = Failing(error), StageService("unet")
    first = service.run(stage, [REQUEST, REQUEST])
    assert [type(outcome) for outcome in first] == [ModelNotReady] * 2
    assert desk.broken_models() == ["unet"]


def test_stage_that_left_service_is_not_run_again(desk: AdmissionDesk) -> None:
    stage, service = Failing(MemoryError()), StageService("unet")
    service.run(stage, [REQUEST])
    (later,) = service.run(stage, [REQUEST])
    assert stage.asked == 1
    assert desk.broken_models() == ["unet"] * 2  # for the first word may have been missed
    assert str(later) == (
        "[MODEL_NOT_READY] the stage unet left service and is loaded again; try again in 10 s"
    )


@pytest.mark.parametrize("error", ORDINARY, ids=repr)
def test_any_other_error_is_its_requests_own(error: Exception, desk: AdmissionDesk) -> None:
    stage, service = Failing(error), StageService("unet")
    outcomes = service.run(stage, [REQUEST, REQUEST])
    assert [type(outcome) for outcome in outcomes] == [Internal] * 2
    assert stage.asked == 3  # together, then each alone
    assert desk.broken_models() == []


def test_service_ends_where_no_desk_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DESK_VARIABLE, raising=False)
    service = StageService("unet")
    (first,) = service.run(Failing(MemoryError()), [REQUEST])
    (later,) = service.run(Failing(MemoryError()), [REQUEST])
    assert (type(first), type(later)) == (OutOfMemory, ModelNotReady)
