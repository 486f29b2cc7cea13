"""The floating type between the stages: FP32 in the CPU profile, FP16 in the GPU profiles."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import MODELS
from instantid_server.node import StageCall

_DTYPES: Mapping[str, type[np.floating[Any]]] = {"FP32": np.float32, "FP16": np.float16}


class WireCall:
    """A stage call that hands over every tensor in the type the profile gave it."""

    def __init__(self, call: StageCall, wire_dtype: str) -> None:
        self._call = call
        self._dtype = _DTYPES[wire_dtype]

    def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Run `model`; raises an InstantIDError if it cannot answer."""
        spec = MODELS[model]
        typed = {
            name: array.astype(self._dtype, copy=False) if spec.input(name).on_wire else array
            for name, array in inputs.items()
        }
        return self._call(model, typed, outputs)
