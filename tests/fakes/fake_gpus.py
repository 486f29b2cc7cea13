"""GPUs without a GPU: tensors sent there carry its number, and computing across two is refused.

torch's own fake tensors need a build with CUDA to index or to add a bias, so these are ordinary
tensors with a tag. They keep their numbers, and a stage can be compared with itself on the CPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

CPU = torch.device("cpu")
PARSERS = {torch.device, torch._C._nn._parse_to}  # calls that only read what a place is called
# Calls that may see two devices.
MOVES = {Tensor.copy_, Tensor.to, torch._has_compatible_shallow_copy_type}


class GpuTensor(Tensor):
    """A tensor that says it is on a GPU."""

    gpu: torch.device


class FakeGpus(TorchFunctionMode):
    """While it is entered, `cuda:<number>` is a place where tensors can be."""

    def __init__(self) -> None:
        super().__init__()
        self.used: set[torch.device] = set()  # every GPU on which a tensor has been

    def __enter__(self) -> Self:
        # A network that is moved gets new parameters, or they would stay plain tensors.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        torch.__future__.set_overwrite_module_params_on_conversion(False)

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        options = {} if kwargs is None else kwargs
        if func in PARSERS:
            return func(*args, **options)
        operands, layout = tree_flatten((tuple(args), dict(options)))
        asked = [torch.device(operand) for operand in operands if _is_place(operand)]
        if func == Tensor.device.__get__ and isinstance(args[0], GpuTensor):
            return args[0].gpu
        place = CPU if func is Tensor.cpu else asked[0] if asked else _common_place(func, operands)
        on_cpu = [CPU if _is_place(operand) else operand for operand in operands]
        plain_args, plain_options = tree_unflatten(on_cpu, layout)
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*plain_args, **plain_options)
            return tree_map(lambda leaf: self._put(leaf, place), result)

    def _put(self, leaf: Any, place: torch.device) -> Any:
        if not isinstance(leaf, Tensor) or leaf.is_meta:
            return leaf
        if place == CPU:
            return leaf.as_subclass(Tensor) if isinstance(leaf, GpuTensor) else leaf
        self.used.add(place)
        # A tensor that was not copied is still the one it was.
        there = leaf if isinstance(leaf, GpuTensor) else leaf.as_subclass(GpuTensor)
        there.gpu = place
        return there


def place_of(tensor: Tensor) -> torch.device:
    """Return the GPU of a tensor, or the CPU."""
    return tensor.gpu if isinstance(tensor, GpuTensor) else CPU


def _is_place(operand: Any) -> bool:
    if isinstance(operand, torch.device):
        return operand.type in ("cpu", "cuda")
    return isinstance(operand, str) and operand.partition(":")[0] in ("cpu", "cuda")


def _common_place(func: Callable[..., Any], operands: Sequence[Any]) -> torch.device:
    """Return where the operands are; numbers without dimensions may be on the CPU as well."""
    tensors = [operand for operand in operands if isinstance(operand, Tensor)]
    gpus = {tensor.gpu for tensor in tensors if isinstance(tensor, GpuTensor)}
    if func in MOVES or not gpus:
        return place_of(tensors[0]) if tensors else CPU
    stranded = any(tensor.dim() and place_of(tensor) == CPU for tensor in tensors)
    if func is Tensor.numpy or stranded or len(gpus) > 1:
        raise RuntimeError(f"{func.__name__}: expected all tensors on one device, got {gpus}")
    return gpus.pop()
