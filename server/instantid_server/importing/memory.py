"""The memory a repository needs under each profile: an estimate, made before anything is loaded.

Weights are counted from the files, in the dtype that the profile computes in. Activations of the
PyTorch networks were measured: the most bytes that the tensors of one forward of SDXL's networks
hold at a time, on torch's meta device (torch 2.13, diffusers 0.42.1), where attention makes no
table of all pairs, as on a GPU. They grow in proportion to rows and to pixels. What kernels need
beside, and what an allocator cannot fill, is not in them.

Triton itself is on every GPU that a profile names, with its pool for tensors between two stages,
even where only Python stages run. A process keeps what it once took, so the peaks of all models on
a device are added up.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path

from safetensors import safe_open

from instantid_server.contract import MAX_PROMPT_CHUNKS, MODELS
from instantid_server.importing.profile import Placement, Profile
from instantid_server.importing.tensors import DTYPES

_GIB = 1024**3
_MIB = 1024**2
_MB = 10**6
_SDXL_PIXELS = 1024 * 1024
_ONNX_DTYPE = "float32"  # of both graphs, whatever the import's is
MAIN_MEMORY = "main memory"

# Bytes that one row takes at SDXL's size, per byte of a number.
_RESIDUALS = 27 * _MB  # of IdentityNet, which the UNet is handed on top of its own
_PER_PICTURE = {
    "identitynet": 83 * _MB,
    "unet": 86 * _MB + _RESIDUALS,
    "vae_decoder": 805 * _MB,
    "vae_encoder": 674 * _MB,
    "safety": 9 * _MB,
}
# The same of what has one size: the longest prompt, a photo of 640 x 640, a face of 112 x 112. A
# graph's are thrice its largest tensor: what goes into a layer, what comes out, what is added.
_PER_ROW = {
    "text_encoder": 5 * _MB * MAX_PROMPT_CHUNKS,
    "face_detector": 3 * 56 * 320 * 320,
    "face_embedder": 3 * 64 * 112 * 112,
}
_ROWS_OF_A_PICTURE = {"text_encoder": 2, "identitynet": 2, "unet": 2}  # guidance; others: 1
_GPU_PROCESS = 1000 * _MB  # a CUDA context with its libraries takes up to that
_CPU_PROCESS = 330 * _MB  # nine processes that only import torch and diffusers take 2.9 GB
_TRITON = "Triton"  # a process, beside those of the Python stages; runs ONNX graphs itself


@dataclass(frozen=True)
class DeviceMemory:
    """What all models on one device need, in bytes."""

    device: str  # "GPU 0", or MAIN_MEMORY
    weights: int
    processes: int
    pool: int  # Triton's own
    activations: int  # of the largest batches
    activations_of_one: int  # while one picture is drawn at a time

    @property
    def total(self) -> int:
        """Return what full batches need."""
        return self.weights + self.processes + self.pool + self.activations

    @property
    def total_of_one(self) -> int:
        """Return what one picture at a time needs."""
        return self.weights + self.processes + self.pool + self.activations_of_one

    def line(self) -> str:
        """Return it for a person."""
        pool = f"Triton's pool {self.pool / _GIB:.1f}, " if self.pool else ""
        return (
            f"{self.device} {self.total_of_one / _GIB:.1f} to {self.total / _GIB:.1f} GiB (weights "
            f"{self.weights / _GIB:.1f}, processes {self.processes / _GIB:.1f}, {pool}activations "
            f"{self.activations_of_one / _GIB:.1f} to {self.activations / _GIB:.1f})"
        )


@dataclass(frozen=True)
class MemoryPlan:
    """What a profile needs of each device."""

    profile: str
    devices: tuple[DeviceMemory, ...]

    @property
    def gpus(self) -> tuple[DeviceMemory, ...]:
        """Return the devices that are cards."""
        return tuple(device for device in self.devices if device.device != MAIN_MEMORY)

    def verdict(self, gpu_memory_gib: float) -> str:
        """Tell whether every GPU of the profile could be a card of that size."""
        card = f"cards of {gpu_memory_gib:g} GiB"
        if all(gpu.total <= gpu_memory_gib * _GIB for gpu in self.gpus):
            return f"fits {card}"
        if all(gpu.total_of_one <= gpu_memory_gib * _GIB for gpu in self.gpus):
            return f"fits {card} with smaller batches: lower max_batch_size in the profile"
        return f"does not fit {card}"


def plan(repository: Path, profile: Profile) -> MemoryPlan:
    """Return what the repository needs under one profile."""
    sizes = _NetworkSizes.read(repository)
    weights: Counter[str] = Counter()
    activations: Counter[str] = Counter()
    of_one: Counter[str] = Counter()
    for model, placement in profile.placements.items():
        if model not in sizes.numbers:
            continue  # no network: a loop, or an ensemble
        for device, _ in _instances(placement):
            rows = max(int(placement.get("max_batch_size", 1)), 1)
            weights[device] += sizes.weights(model, placement)
            activations[device] += rows * sizes.row(model, placement)
            needed = min(rows, _ROWS_OF_A_PICTURE.get(model, 1))
            of_one[device] += needed * sizes.row(model, placement)
    pools = {_gpu(gpu): size * _MIB for gpu, size in profile.cuda_pools_mib.items()}
    processes = _processes(profile)
    return MemoryPlan(
        profile.name,
        tuple(
            DeviceMemory(
                device,
                weights[device],
                len(processes[device]) * (_CPU_PROCESS if device == MAIN_MEMORY else _GPU_PROCESS),
                pools.get(device, 0),
                activations[device],
                of_one[device],
            )
            for device in sorted(weights.keys() | pools.keys())
        ),
    )


def plan_lines(
    repository: Path, profiles: Sequence[Profile], gpu_memory_gib: float | None
) -> list[str]:
    """Return the plans of all profiles for a person, and which of them fit a card."""
    lines = ["memory for one picture at a time, and for full batches, as an estimate:"]
    for planned in (plan(repository, profile) for profile in profiles):
        lines.extend(f"  {planned.profile}: {device.line()}" for device in planned.devices)
        if gpu_memory_gib is not None and planned.gpus:
            lines.append(f"  {planned.profile} {planned.verdict(gpu_memory_gib)}")
    return lines


def _processes(profile: Profile) -> Mapping[str, set[str]]:
    """Return the processes on each device: each instance of a Python model is one of its own."""
    gpus = map(_gpu, profile.cuda_pools_mib)
    processes = {device: {_TRITON} for device in (MAIN_MEMORY, *gpus)}
    for model, placement in profile.placements.items():
        if model in MODELS and MODELS[model].backend == "python":
            for device, instance in _instances(placement):
                processes[device].add(f"{model} {instance}")
    return processes


def _instances(placement: Placement) -> list[tuple[str, int]]:
    """Return the device and the number of each instance; `count` of them are on each device."""
    devices = [_gpu(gpu) for gpu in placement.get("gpus", ())] or [MAIN_MEMORY]
    return list(product(devices, range(placement.get("count", 1))))


def _gpu(number: int) -> str:
    return f"GPU {number}"


@dataclass(frozen=True)
class _NetworkSizes:
    """How large the networks of a repository are."""

    numbers: Mapping[str, int]  # of each model's weights
    pixels: int  # of a picture at native size

    @classmethod
    def read(cls, repository: Path) -> "_NetworkSizes":
        pipeline = json.loads((repository / "instantid/1/pipeline.json").read_text())
        counted = {model: _count_numbers(repository / model / "1") for model in MODELS}
        return cls(
            {model: numbers for model, numbers in counted.items() if numbers},
            pipeline["native_height"] * pipeline["native_width"],
        )

    def weights(self, model: str, placement: Placement) -> int:
        return self.numbers[model] * _number_bytes(placement)

    def row(self, model: str, placement: Placement) -> int:
        per_row = _PER_ROW.get(model, 0) * _number_bytes(placement)
        per_picture = _PER_PICTURE.get(model, 0) * _number_bytes(placement)
        return per_row + per_picture * self.pixels // _SDXL_PIXELS


def _number_bytes(placement: Placement) -> int:
    return DTYPES[placement.get("parameters", {}).get("dtype", _ONNX_DTYPE)].itemsize


def _count_numbers(folder: Path) -> int:
    """Return how many numbers the weights of a model are; an ONNX file is nothing but FP32."""
    graphs = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    return graphs // DTYPES[_ONNX_DTYPE].itemsize + sum(
        _count_tensors(path) for path in folder.rglob("*.safetensors")
    )


def _count_tensors(path: Path) -> int:
    with safe_open(path, framework="numpy") as file:
        names = file.keys()
        return sum(prod(file.get_slice(name).get_shape()) for name in names)
