"""s(b): what one step of the networks costs against the rows of its batch.

It says before anything is served what batches can gain: a server that shares a step between eight
requests can be no faster than the networks are on sixteen rows.
"""

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor

from instantid_server.contract import (
    IDENTITYNET,
    NUM_IDENTITY_TOKENS,
    NUM_KEYPOINTS,
    UNET,
    TensorSpec,
)
from instantid_server.errors import InstantIDError
from instantid_server.node import NodeContext, call_nobody
from instantid_server.stages.identitynet import IdentityNet
from instantid_server.stages.rows import TorchTensors
from instantid_server.stages.unet import Unet

ROWS = (1, 2, 3, 4, 6, 8, 10, 12, 14, 16)
_WORDS = 77  # of one chunk of a prompt
_TIME_IDS = 6
_VAE_SCALE_FACTOR = 8


def measure_step_curve(
    repository: Path, side_px: int, num_threads: int, repeats: int
) -> dict[int, float]:
    """Return the milliseconds of IdentityNet and the UNet by rows; what is served, in here."""
    identitynet = IdentityNet.load(_context(repository, IDENTITYNET.name, num_threads))
    unet = Unet.load(_context(repository, UNET.name, num_threads))
    config = json.loads((repository / UNET.name / "1" / "config.json").read_text())
    batches = {rows: _batch(config, rows, side_px // _VAE_SCALE_FACTOR) for rows in ROWS}
    seconds: dict[int, list[float]] = {rows: [] for rows in ROWS}
    # Around and around, not one size after another, so that a busy moment hits all of them.
    for _ in range(repeats + 1):
        for rows, batch in batches.items():
            started = perf_counter()
            _step(identitynet, unet, batch)
            seconds[rows].append(perf_counter() - started)
    # The first round embeds the keypoints and sets up the kernels.
    return {rows: statistics.median(times[1:]) * 1000 for rows, times in seconds.items()}


def step_ms(curve: Mapping[int, float], rows: float) -> float:
    """Return the curve at any number of rows, between two measured ones in proportion."""
    return float(np.interp(rows, list(curve), list(curve.values())))


def _step(identitynet: IdentityNet, unet: Unet, batch: dict[str, Tensor]) -> None:
    residuals = _answer(identitynet, batch, IDENTITYNET.inputs)["residuals"]
    _answer(unet, {**batch, "residuals": residuals}, UNET.inputs)


def _answer(
    stage: IdentityNet | Unet, batch: dict[str, Tensor], inputs: Sequence[TensorSpec]
) -> TorchTensors:
    (outcome,) = stage.run([{spec.name: batch[spec.name] for spec in inputs}])
    if isinstance(outcome, InstantIDError):
        raise outcome
    return outcome


def _batch(config: Mapping[str, Any], rows: int, side: int) -> dict[str, Tensor]:
    """Return the inputs of a step; all values but the keypoints' are noise."""
    width = config["cross_attention_dim"]
    pooled = config["projection_class_embeddings_input_dim"]
    pooled -= _TIME_IDS * config["addition_time_embed_dim"]
    keypoints = torch.rand(NUM_KEYPOINTS, 2) * side * _VAE_SCALE_FACTOR
    return {
        "latents": torch.randn(rows, config["in_channels"], side, side),
        "timestep": torch.full((rows, 1), 500.0),
        "prompt_embeds": torch.randn(rows, _WORDS, width),
        "identity_tokens": torch.randn(rows, NUM_IDENTITY_TOKENS, width),
        "pooled_prompt_embeds": torch.randn(rows, pooled),
        "time_ids": torch.full((rows, _TIME_IDS), float(side * _VAE_SCALE_FACTOR)),
        "face_keypoints": keypoints.expand(rows, 1, NUM_KEYPOINTS, 2).contiguous(),
        "controlnet_conditioning_scale": torch.full((rows, 1), 0.8),
        "ip_adapter_scale": torch.full((rows, 1), 0.8),
    }


def _context(repository: Path, model: str, num_threads: int) -> NodeContext:
    return NodeContext(
        directory=repository / model / "1",
        parameters={"device": "cpu", "dtype": "float32", "num_threads": str(num_threads)},
        device_id=0,
        max_batch_size=max(ROWS),
        output_types={},
        call=call_nobody,
    )
