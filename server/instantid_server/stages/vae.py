"""The VAE: latents to pictures and back, each half in a node of its own."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn
from torch.utils.dlpack import from_dlpack

from instantid_server.contract import VAE_DECODER, VAE_ENCODER
from instantid_server.errors import InvalidInput
from instantid_server.node import NodeContext
from instantid_server.stages.compute import Compute, read_config, read_tensors, without_weights
from instantid_server.stages.rows import TorchOutcome, TorchTensors, check_shape, run_by_shape
from instantid_server.stages.warmup import NativeSize, warm_up, zeros

logger = logging.getLogger(__name__)


class VaeDecoder:
    """Latents of the loop (rows, channels, height, width) -> RGB pictures."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(self, network: AutoencoderKL, compute: Compute) -> None:
        self._network = network
        self._compute = compute

    @classmethod
    def load(cls, context: NodeContext) -> "VaeDecoder":
        """Load the decoder half; the encoder's tensors need not be there."""
        network, compute = _load_half(context, unused=("encoder", "quant_conv"))
        stage = cls(network, compute)
        sizes = {"latents": NativeSize.of(context).latents(network.config.latent_channels)}
        warm_up(stage.run, partial(zeros, VAE_DECODER, sizes), context.max_batch_size)
        return stage

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Answer with `image` (rows, height, width, 3), uint8."""
        return run_by_shape(requests, self._check, self._forward, self._compute.device)

    def _check(self, request: TorchTensors) -> None:
        check_shape(request, "latents", (self._network.config.latent_channels, None, None))

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], _: int) -> Mapping[str, Tensor]:
        latents = self._compute.take(rows)["latents"]
        pixels = self._network.decode(latents / self._network.config.scaling_factor).sample
        image = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return {"image": image.permute(0, 2, 3, 1).contiguous()}


class VaeEncoder:
    """RGB pictures -> latents of the loop; the mean of the posterior, so that it is repeatable."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(self, network: AutoencoderKL, compute: Compute) -> None:
        self._network = network
        self._compute = compute
        self._factor = 2 ** (len(network.config.block_out_channels) - 1)

    @classmethod
    def load(cls, context: NodeContext) -> "VaeEncoder":
        """Load the encoder half; the decoder's tensors need not be there."""
        network, compute = _load_half(context, unused=("decoder", "post_quant_conv"))
        stage = cls(network, compute)
        sizes = {"image": NativeSize.of(context).image}
        warm_up(stage.run, partial(zeros, VAE_ENCODER, sizes), context.max_batch_size)
        return stage

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Answer with `latents` (rows, channels, height / 8, width / 8)."""
        return run_by_shape(requests, self._check, self._forward, self._compute.device)

    def _check(self, request: TorchTensors) -> None:
        check_shape(request, "image", (None, None, 3))
        height, width = request["image"].shape[1:3]
        if height % self._factor or width % self._factor:
            raise InvalidInput(
                f"image: expected sides that are multiples of {self._factor}, got {height}x{width}"
            )

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], _: int) -> Mapping[str, Tensor]:
        image = rows["image"].to(self._compute.device)
        pixels = image.to(self._compute.dtype).permute(0, 3, 1, 2) / 127.5 - 1
        mean = self._network.encode(pixels).latent_dist.mode()
        return {"latents": self._compute.give(mean * self._network.config.scaling_factor)}


def _load_half(context: NodeContext, unused: tuple[str, ...]) -> tuple[AutoencoderKL, Compute]:
    compute = Compute.from_context(context)
    with without_weights():
        network = AutoencoderKL.from_config(read_config(context.directory))
    if compute.dtype is torch.float16 and network.config.force_upcast:
        # SDXL's own VAE overflows in half precision and says so in its config.
        logger.info("the VAE computes in float32: its config sets force_upcast")
        compute = compute.with_dtype(torch.float32)
    for part in unused:
        setattr(network, part, nn.Identity())
    compute.fill(network, read_tensors(context.directory))
    return compute.ready(network), compute
