"""IdentityNet's node without the network: residuals of the right size, all zero."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from instantid_server.adapter import TritonStage
from instantid_server.contract import IDENTITYNET
from instantid_server.node import NodeContext
from instantid_server.stages.compute import read_config
from instantid_server.stages.residuals import residual_shapes
from instantid_server.stages.rows import TorchOutcome, TorchTensors, run_by_shape


class EmptyIdentityNet:
    """Knows the sizes of the real one."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(self, config: dict[str, object]) -> None:
        self._config = config

    @classmethod
    def load(cls, context: NodeContext) -> "EmptyIdentityNet":
        """Read the sizes in the node's folder."""
        return cls(read_config(context.directory))

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Stack and split as the real node does."""
        return run_by_shape(requests, lambda request: None, self._forward, torch.device("cpu"))

    def _forward(self, rows: dict[str, Tensor], num_requests: int) -> dict[str, Tensor]:
        num_rows, _, height, width = rows["latents"].shape
        size = sum(prod(shape) for shape in residual_shapes(self._config, height, width))
        count = torch.full((num_rows, 1), num_requests, dtype=torch.int32)
        return {"residuals": torch.zeros(num_rows, size), "batch_requests": count}


class TritonPythonModel(TritonStage):
    spec = IDENTITYNET
    load = EmptyIdentityNet.load
