"""How a model and its tensors are described, in Triton's words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TensorSpec:
    """One tensor, as Triton's config names it; `dims` leave out the batch."""

    name: str
    dtype: str  # Triton's name: FP32, INT32, INT64, UINT8, BYTES
    dims: tuple[int, ...]
    optional: bool = False
    on_wire: bool = False  # floating type is the profile's: FP32 on the CPU, FP16 on GPUs


@dataclass(frozen=True)
class ModelSpec:
    """One model of the repository."""

    name: str
    backend: str  # "python", "onnxruntime" or "ensemble"
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    batches: bool = True  # a leading batch dimension, max_batch_size > 0
    decoupled: bool = False
    calls: tuple[str, ...] = ()  # models it calls or, for an ensemble, is made of
    max_input_bytes: int = 256 * 1024 * 1024  # of one request; full batches of large pictures fit

    def input(self, name: str) -> TensorSpec:
        """Return the input called `name`; raises KeyError if there is none."""
        return {spec.name: spec for spec in self.inputs}[name]
