"""The networks: the real system's classes at pocket width."""

import itertools

import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.vocabulary import MAX_TOKENS

LATENT_CHANNELS = 12
LATENT_SIZE = NATIVE_SIZE_PX // 8
TEXT_WIDTHS = (96, 128)  # of the two text encoders
TOKEN_WIDTH = sum(TEXT_WIDTHS)  # what cross-attention reads
POOLED_WIDTH = 128
EMBEDDING_WIDTH = 512  # a face embedding, as in the real system
IDENTITY_TOKENS = 16
TIME_ID_WIDTH = 16  # per number; six numbers
_UNET_WIDTHS = (80, 128)
_HEAD_WIDTH = 32


def new_vae() -> AutoencoderKL:
    """Return the autoencoder: 128x128 RGB in [-1, 1] to 12x16x16 latents.

    Training standardises its latents, so nothing is left to scale.
    """
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 64, 64),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=NATIVE_SIZE_PX,
        mid_block_add_attention=False,
        force_upcast=False,
        scaling_factor=1.0,
    )


def new_text_encoders(
    vocabulary_size: int, end_token: int
) -> tuple[CLIPTextModel, CLIPTextModelWithProjection]:
    """Return the two text encoders; SDXL reads the last but one layer of both."""
    first, second = (
        CLIPTextConfig(
            vocab_size=vocabulary_size,
            hidden_size=width,
            intermediate_size=width * 4,
            projection_dim=POOLED_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=width // _HEAD_WIDTH,
            max_position_embeddings=MAX_TOKENS,
            hidden_act=activation,
            bos_token_id=end_token - 1,
            eos_token_id=end_token,
            pad_token_id=pad_token,
        )
        for width, activation, pad_token in zip(
            TEXT_WIDTHS, ("quick_gelu", "gelu"), (end_token, 0), strict=True
        )
    )
    return CLIPTextModel(first), CLIPTextModelWithProjection(second)


def new_unet() -> UNet2DConditionModel:
    """Return the denoiser: convolutions at 16x16, convolutions and attention at 8x8."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIZE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=_UNET_WIDTHS,
        layers_per_block=1,
        norm_num_groups=16,
        cross_attention_dim=TOKEN_WIDTH,
        attention_head_dim=tuple(width // _HEAD_WIDTH for width in _UNET_WIDTHS),
        transformer_layers_per_block=1,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_ID_WIDTH,
        projection_class_embeddings_input_dim=POOLED_WIDTH + 6 * TIME_ID_WIDTH,
    )


def new_identitynet(unet: UNet2DConditionModel) -> ControlNetModel:
    """Return IdentityNet, started from the denoiser's first half."""
    return ControlNetModel.from_unet(
        unet, conditioning_embedding_out_channels=(8, 16, 32, 64), load_weights_from_unet=True
    )


def new_resampler() -> IPAdapterPlusImageProjection:
    """Return the resampler: face embedding [rows, 1, 512] to identity tokens [rows, 16, D]."""
    return IPAdapterPlusImageProjection(
        embed_dims=EMBEDDING_WIDTH,
        output_dims=TOKEN_WIDTH,
        hidden_dims=128,
        depth=4,
        dim_head=64,
        heads=2,
        num_queries=IDENTITY_TOKENS,
        ffn_ratio=4,
    )


class Recogniser(nn.Module):
    """Aligned face [rows, 3, 112, 112], (x - 127.5) / 127.5, to a raw embedding [rows, 512]."""

    def __init__(self) -> None:
        super().__init__()
        widths = (24, 40, 64, 96, 128)
        self.stem = _convolution(3, widths[0], 2)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(_convolution(before, after, 2), _Residual(after))
                for before, after in itertools.pairwise(widths)
            )
        )
        self.squeeze = nn.Conv2d(widths[-1], 16, 1, bias=False)
        self.norm = nn.BatchNorm1d(16 * 16)
        self.project = nn.Linear(16 * 16, EMBEDDING_WIDTH)
        self.feature_norm = nn.BatchNorm1d(EMBEDDING_WIDTH)

    def forward(self, aligned_face: Tensor) -> Tensor:
        """Return the raw embedding, as ArcFace networks do: not of unit length."""
        features = self.squeeze(self.stages(self.stem(aligned_face)))
        embedding: Tensor = self.feature_norm(self.project(self.norm(features.flatten(1))))
        return embedding


class Detector(nn.Module):
    """Picture [rows, 3, h, w], (x - 127.5) / 128, to nine SCRFD outputs, each [rows, cells * 2, k].

    h and w are multiples of 32. Order: scores, boxes, keypoints for the strides 8, 16 and 32 each.
    """

    ANCHORS = 2
    STRIDES = (8, 16, 32)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(_convolution(3, 12, 2), _convolution(12, 20, 2), _Residual(20))
        self.at_8 = nn.Sequential(_convolution(20, 32, 2), _Residual(32))
        self.at_16 = nn.Sequential(_convolution(32, 40, 2), _Residual(40))
        self.at_32 = nn.Sequential(_convolution(40, 48, 2), _Residual(48))
        self.lateral_8 = nn.Conv2d(32, 24, 1)
        self.lateral_16 = nn.Conv2d(40, 24, 1)
        self.lateral_32 = nn.Conv2d(48, 24, 1)
        self.head = _convolution(24, 24, 1)
        self.scores = nn.Conv2d(24, self.ANCHORS, 1)
        self.boxes = nn.Conv2d(24, 4 * self.ANCHORS, 1)
        self.points = nn.Conv2d(24, 10 * self.ANCHORS, 1)
        for layer, start in ((self.scores, -4.0), (self.boxes, 2.0)):  # almost all is empty
            if layer.bias is not None:
                nn.init.constant_(layer.bias, start)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Return scores in 0..1, and distances and offsets in units of the stride."""
        scores, boxes, points = [], [], []
        for features in self.features(image):
            scores.append(_per_anchor(torch.sigmoid(self.scores(features)), 1))
            boxes.append(_per_anchor(torch.relu(self.boxes(features)), 4))
            points.append(_per_anchor(self.points(features), 10))
        return (*scores, *boxes, *points)

    def features(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the outputs are read from, [rows, 24, h / stride, w / stride] per stride."""
        fine = self.at_8(self.stem(image))
        middle = self.at_16(fine)
        coarse = self.at_32(middle)
        level_32 = self.lateral_32(coarse)
        level_16 = self.lateral_16(middle) + nn.functional.interpolate(level_32, scale_factor=2.0)
        level_8 = self.lateral_8(fine) + nn.functional.interpolate(level_16, scale_factor=2.0)
        return self.head(level_8), self.head(level_16), self.head(level_32)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, 1)
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
        )

    def forward(self, states: Tensor) -> Tensor:
        refined: Tensor = self.second(self.first(states))
        return torch.relu(states + refined)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
    )


def _per_anchor(output: Tensor, width: int) -> Tensor:
    """Turn [rows, anchors * width, h, w] into [rows, h * w * anchors, width]."""
    per_anchor: Tensor = output.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, width))
    return per_anchor
