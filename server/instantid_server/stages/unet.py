"""The UNet: predicts the noise of every row in a batch, each at its own step and person."""

from collections.abc import Mapping, Sequence
from functools import partial
from math import prod

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from instantid_server.contract import (
    CHUNK_TOKENS,
    IDENTITYNET,
    NUM_IDENTITY_TOKENS,
    NUM_KEYPOINTS,
    UNET,
)
from instantid_server.errors import InvalidInput
from instantid_server.node import NodeContext, StageCall
from instantid_server.stages.attention import load_adapter
from instantid_server.stages.compute import Compute, read_config, read_tensors, without_weights
from instantid_server.stages.residuals import residual_shapes, unpack_residuals
from instantid_server.stages.rows import TorchOutcome, TorchTensors, check_shape, run_by_shape
from instantid_server.stages.warmup import NativeSize, pooled_size, warm_up, zeros


class Unet:
    """An SDXL UNet with the identity adapter in its cross-attention."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(self, network: UNet2DConditionModel, compute: Compute, call: StageCall) -> None:
        self._network = network
        self._compute = compute
        self._call = call

    @classmethod
    def load(cls, context: NodeContext) -> "Unet":
        """Load the UNet and `ip_adapter.safetensors` from the node's folder."""
        compute = Compute.from_context(context)
        with without_weights():
            network = UNet2DConditionModel.from_config(read_config(context.directory))
        compute.fill(network, read_tensors(context.directory))
        load_adapter(network, load_file(context.directory / "ip_adapter.safetensors"))
        stage = cls(compute.ready(network), compute, context.call)
        sizes = stage.sizes(NativeSize.of(context))
        warm_up(stage.run, partial(zeros, UNET, sizes), context.max_batch_size)
        return stage

    def sizes(self, native: NativeSize) -> dict[str, tuple[int, ...]]:
        """Return the dims of a request that asks nobody else, for a picture of the native size."""
        config = self._network.config
        latents = native.latents(config.in_channels)
        return {
            "latents": latents,
            "prompt_embeds": (CHUNK_TOKENS, config.cross_attention_dim),
            "identity_tokens": (NUM_IDENTITY_TOKENS, config.cross_attention_dim),
            "pooled_prompt_embeds": (pooled_size(config),),
            "residuals": (sum(prod(shape) for shape in residual_shapes(config, *latents[1:])),),
            "face_keypoints": (1, NUM_KEYPOINTS, 2),
        }

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Answer with `noise_pred` and how many requests shared the forwards.

        Requests come with IdentityNet's residuals, where the ensemble has asked for them, or
        without; then this node asks for the whole batch, for the rows whose scale is not 0.
        """
        return run_by_shape(requests, self._check, self._forward, self._compute.device)

    def _check(self, request: TorchTensors) -> None:
        config = self._network.config
        check_shape(request, "latents", (config.in_channels, None, None))
        check_shape(request, "prompt_embeds", (None, config.cross_attention_dim))
        check_shape(request, "identity_tokens", (NUM_IDENTITY_TOKENS, config.cross_attention_dim))
        _check_residuals(request, config)

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], num_requests: int) -> Mapping[str, Tensor]:
        shapes = residual_shapes(self._network.config, *rows["latents"].shape[2:])
        asks = not rows["residuals"].shape[1] and bool(rows["controlnet_conditioning_scale"].any())
        if asks:
            rows["residuals"] = self._ask_identitynet(rows, sum(prod(shape) for shape in shapes))
        rows = self._compute.take(rows)
        down, mid = None, None
        if rows["residuals"].shape[1]:
            down, mid = unpack_residuals(rows["residuals"], shapes)
        noise_pred = self._network(
            rows["latents"],
            rows["timestep"][:, 0],
            encoder_hidden_states=(rows["prompt_embeds"], rows["identity_tokens"]),
            added_cond_kwargs={
                "text_embeds": rows["pooled_prompt_embeds"],
                "time_ids": rows["time_ids"],
            },
            cross_attention_kwargs={"adapter_scale": rows["ip_adapter_scale"][:, 0]},
            down_block_additional_residuals=down,
            mid_block_additional_residual=mid,
        ).sample
        counts = {
            "batch_requests": num_requests,
            "identitynet_batch_requests": num_requests if asks else 0,
        }
        return {
            "noise_pred": self._compute.give(noise_pred),
            **{
                name: torch.full((len(noise_pred), 1), count, dtype=torch.int32)
                for name, count in counts.items()
            },
        }

    def _ask_identitynet(self, rows: Mapping[str, Tensor], size: int) -> Tensor:
        """Return the residuals (rows, size); zeros, and no work, for rows whose scale is 0."""
        controlled = rows["controlnet_conditioning_scale"][:, 0] > 0
        inputs = {
            spec.name: rows[spec.name][controlled].cpu().numpy() for spec in IDENTITYNET.inputs
        }
        answer = self._call(IDENTITYNET.name, inputs, ["residuals"])
        found = torch.from_numpy(answer["residuals"]).to(self._compute.device)
        residuals: Tensor = found.new_zeros(len(controlled), size)
        residuals[controlled] = found
        return residuals


def _check_residuals(request: TorchTensors, config: Mapping[str, object]) -> None:
    height, width = request["latents"].shape[2:]
    expected = sum(prod(shape) for shape in residual_shapes(config, height, width))
    got = request["residuals"].shape[1]
    if got not in (0, expected):
        raise InvalidInput(f"residuals: expected {expected} values or none, got {got}")
