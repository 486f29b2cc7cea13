"""The same pipeline as it is mostly served: one Python model, one request after another."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils

ROOT = Path(__file__).resolve().parents[4]
sys.path.insert(0, str(ROOT))  # Triton starts the process elsewhere

from scripts.load.in_process import InProcessPipeline  # noqa: E402

NUM_THREADS = 2  # as many as the steps of the served networks have


class TritonPythonModel:
    """Loads every network into this process."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load; called once."""
        self._pipeline = InProcessPipeline(ROOT / "model_repository", NUM_THREADS)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Draw one picture after another."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: Any) -> Any:
        tensors = {tensor.name(): tensor.as_numpy() for tensor in request.inputs()}
        encoded = self._pipeline.draw(tensors)
        image = pb_utils.Tensor("image", np.array([encoded], dtype=np.object_))
        return pb_utils.InferenceResponse([image])
