"""IdentityNet: a ControlNet whose text is the face, and whose picture is five points of it."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from instantid_server.contract import IDENTITYNET, NUM_IDENTITY_TOKENS, NUM_KEYPOINTS
from instantid_server.node import NodeContext
from instantid_server.stages.compute import Compute, read_config, read_tensors, without_weights
from instantid_server.stages.pose import KeypointMapSize, draw_keypoints
from instantid_server.stages.residuals import pack_residuals
from instantid_server.stages.rows import TorchOutcome, TorchTensors, check_shape, run_by_shape
from instantid_server.stages.short_memory import ShortMemory
from instantid_server.stages.warmup import NativeSize, pooled_size, warm_up, zeros

VAE_SCALE_FACTOR = 8  # pixels a latent; fixed by the ControlNet's own conditioning embedding
REMEMBERED_MAPS = 64  # one a picture for as long as its loop runs
REMEMBERED_S = 10.0  # longer than any step


class KeypointMap(NamedTuple):
    """What a map is drawn from."""

    keypoints: bytes  # float32 points (faces, 5, 2), in pixels
    height: int  # in latents
    width: int


class IdentityNet:
    """A ControlNet fed with identity tokens instead of text (InstantID, section 3.2)."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(
        self, network: ControlNetModel, map_size: KeypointMapSize, compute: Compute
    ) -> None:
        # Every step of a picture shows the same map, so it is embedded once and not in the network.
        self._embed_map = network.controlnet_cond_embedding
        network.controlnet_cond_embedding = nn.Identity()
        self._network = network
        self._map_size = map_size
        self._compute = compute
        self._embedded_maps = ShortMemory(self._embed_keypoints, REMEMBERED_MAPS, REMEMBERED_S)

    @classmethod
    def load(cls, context: NodeContext) -> "IdentityNet":
        """Load the ControlNet and `keypoint_map.json` from the node's folder."""
        compute = Compute.from_context(context)
        with without_weights():
            network = ControlNetModel.from_config(read_config(context.directory))
        compute.fill(network, read_tensors(context.directory))
        sizes = json.loads((context.directory / "keypoint_map.json").read_text())
        stage = cls(compute.ready(network), KeypointMapSize(**sizes), compute)
        dims = stage.sizes(NativeSize.of(context))
        warm_up(stage.run, partial(zeros, IDENTITYNET, dims), context.max_batch_size)
        return stage

    def sizes(self, native: NativeSize) -> dict[str, tuple[int, ...]]:
        """Return the dims of a request for a picture of the native size."""
        config = self._network.config
        return {
            "latents": native.latents(config.in_channels),
            "identity_tokens": (NUM_IDENTITY_TOKENS, config.cross_attention_dim),
            "pooled_prompt_embeds": (pooled_size(config),),
            "face_keypoints": (1, NUM_KEYPOINTS, 2),
        }

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Answer with `residuals` and how many requests shared the forward."""
        return run_by_shape(requests, self._check, self._forward, self._compute.device)

    def _check(self, request: TorchTensors) -> None:
        config = self._network.config
        check_shape(request, "latents", (config.in_channels, None, None))
        check_shape(request, "identity_tokens", (NUM_IDENTITY_TOKENS, config.cross_attention_dim))
        check_shape(request, "face_keypoints", (None, NUM_KEYPOINTS, 2))

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], num_requests: int) -> Mapping[str, Tensor]:
        height, width = rows["latents"].shape[2:]
        maps = [
            self._embedded_maps.get(KeypointMap(points.numpy().tobytes(), height, width))
            for points in rows.pop("face_keypoints").float().cpu()
        ]
        rows = self._compute.take(rows)
        down, mid = self._network(
            rows["latents"],
            rows["timestep"][:, 0],
            encoder_hidden_states=rows["identity_tokens"],
            controlnet_cond=torch.cat(maps),
            conditioning_scale=rows["controlnet_conditioning_scale"][:, :, None, None],
            added_cond_kwargs={
                "text_embeds": rows["pooled_prompt_embeds"],
                "time_ids": rows["time_ids"],
            },
            return_dict=False,
        )
        packed = pack_residuals(down, mid)
        return {
            "residuals": self._compute.give(packed),
            "batch_requests": torch.full((len(packed), 1), num_requests, dtype=torch.int32),
        }

    def _embed_keypoints(self, drawn: KeypointMap) -> Tensor:
        """Return the embedded map (1, channels, height, width)."""
        points = np.frombuffer(drawn.keypoints, np.float32).reshape(-1, NUM_KEYPOINTS, 2)
        height_px, width_px = drawn.height * VAE_SCALE_FACTOR, drawn.width * VAE_SCALE_FACTOR
        picture = draw_keypoints(points, height_px, width_px, self._map_size)
        pixels = torch.from_numpy(picture).to(self._compute.device, self._compute.dtype) / 255.0
        embedded: Tensor = self._embed_map(pixels.permute(2, 0, 1)[None])
        return embedded
