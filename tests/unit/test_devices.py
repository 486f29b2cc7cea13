"""The multi-GPU profile: every stage keeps to the GPU that Triton gave it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import torch
from batches import stage_inputs
from fake_gpus import FakeGpus, place_of
from google.protobuf import text_format  # type: ignore[import-untyped]  # has no stubs
from tritonclient.grpc.model_config_pb2 import ModelConfig

from instantid_server.adapter import read_context
from instantid_server.node import NodeContext, Outcome
from instantid_server.stages.identitynet import IdentityNet
from instantid_server.stages.resampler import Resampler
from instantid_server.stages.text import TextEncoder
from instantid_server.stages.unet import Unet
from instantid_server.stages.vae import VaeDecoder, VaeEncoder
from tests.conftest import MODEL_REPOSITORY, triton_arguments

STAGES: dict[str, Any] = {
    "text_encoder": TextEncoder,
    "id_resampler": Resampler,
    "identitynet": IdentityNet,
    "unet": Unet,
    "vae_decoder": VaeDecoder,
    "vae_encoder": VaeEncoder,
}


def gpus_of(name: str) -> list[int]:
    """Return the GPUs that the multi-GPU profile gives to a stage."""
    path = MODEL_REPOSITORY / name / "configs/multi-gpu.pbtxt"
    config = text_format.Parse(path.read_text(), ModelConfig())
    return [gpu for group in config.instance_group for gpu in group.gpus]


INSTANCES = [
    pytest.param(name, gpu, id=f"{name}-{gpu}") for name in STAGES for gpu in gpus_of(name)
]
each_instance = pytest.mark.parametrize(("name", "gpu"), INSTANCES)


def context(name: str, repository: Path, gpu: int) -> NodeContext:
    return read_context(triton_arguments(name, repository, "multi-gpu", gpu))


def run(stage: Any, name: str) -> Outcome:
    """Run a stage on one request whose tensors come from the CPU."""
    inputs = stage_inputs(name, 1)
    if stage.from_dlpack is None:
        (outcome,) = stage.run([inputs])
    else:
        (outcome,) = stage.run([{key: torch.from_numpy(inputs[key]) for key in inputs}])
    return outcome


def networks_of(stage: Any) -> list[torch.nn.Module]:
    """Return what a stage computes with."""
    if isinstance(stage, TextEncoder):
        return [encoder.network for encoder in stage._encoders]
    embedding = [stage._embed_map] if isinstance(stage, IdentityNet) else []
    return [stage._network, *embedding]


def tensors_of(networks: Iterable[torch.nn.Module]) -> list[torch.Tensor]:
    return [
        tensor for network in networks for tensor in (*network.parameters(), *network.buffers())
    ]


def test_profile_spreads_the_stages_over_several_gpus() -> None:
    assert len({gpu for name in STAGES for gpu in gpus_of(name)}) > 1
    assert len(gpus_of("unet")) > 1


@each_instance
def test_weights_are_on_the_gpu_of_the_instance(name: str, gpu: int, tiny_repository: Path) -> None:
    told = context(name, tiny_repository, gpu)
    with FakeGpus():
        tensors = tensors_of(networks_of(STAGES[name].load(told)))
    assert {place_of(tensor) for tensor in tensors} == {torch.device("cuda", gpu)}
    dtype = getattr(torch, told.parameters.get("dtype", "float32"))
    assert {tensor.dtype for tensor in tensors if tensor.is_floating_point()} == {dtype}


@each_instance
def test_nothing_is_computed_on_another_gpu(name: str, gpu: int, tiny_repository: Path) -> None:
    with FakeGpus() as gpus:
        run(STAGES[name].load(context(name, tiny_repository, gpu)), name)
    assert gpus.used == {torch.device("cuda", gpu)}


@each_instance
def test_results_leave_the_gpu_in_the_type_of_the_wire(
    name: str, gpu: int, tiny_repository: Path
) -> None:
    with FakeGpus():
        outcome = run(STAGES[name].load(context(name, tiny_repository, gpu)), name)
    assert isinstance(outcome, dict)
    results = [tensor for key, tensor in outcome.items() if not key.endswith("batch_requests")]
    assert {place_of(tensor) for tensor in results} == {torch.device("cuda", gpu)}
    assert {tensor.dtype for tensor in results} <= {torch.float16, torch.uint8}


def test_fake_refuses_to_compute_across_two_gpus() -> None:
    with FakeGpus():
        here, there, nowhere = torch.ones(2).to("cuda:0"), torch.ones(2).to("cuda:1"), torch.ones(2)
        for stranger in (there, nowhere):
            with pytest.raises(RuntimeError, match="expected all tensors on one device"):
                here + stranger
