"""The UNet's node without the network: what a step costs beside computing."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from instantid_server.adapter import TritonStage
from instantid_server.contract import UNET
from instantid_server.node import NodeContext
from instantid_server.stages.rows import TorchOutcome, TorchTensors, run_by_shape


class EmptyUnet:
    """Answers with the latents."""

    from_dlpack = staticmethod(from_dlpack)

    @classmethod
    def load(cls, context: NodeContext) -> "EmptyUnet":
        """Load nothing."""
        return cls()

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Stack and split as the real node does."""
        return run_by_shape(requests, lambda request: None, _forward, torch.device("cpu"))


def _forward(rows: dict[str, Tensor], num_requests: int) -> dict[str, Tensor]:
    latents = rows["latents"]
    count = torch.full((len(latents), 1), num_requests, dtype=torch.int32)
    return {"noise_pred": latents, "batch_requests": count}


class TritonPythonModel(TritonStage):
    spec = UNET
    load = EmptyUnet.load
