"""The judge's networks, of other kinds than the served ones: they should not share weaknesses."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, normalize

from scripts.judge.attributes import ATTRIBUTES

PERSON_WIDTH = 160  # numbers that describe a face
KEYPOINTS = 5
_KERNEL_PX = 5  # of the convolutions that see one channel each
_EXPANSION = 3
_SQUEEZED = (16, 32)  # channels that each reader keeps apart for every place
_CELL_PX = 4  # of the picture, for one cell of a heat map


class PersonReader(nn.Module):
    """Face crops [rows, 3, 96, 96] in [-1, 1] to descriptions [rows, 160] of unit length.

    Its convolutions see space and channels in turn (ConvNeXt, arXiv 2201.03545).
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 40, 4, stride=4)
        self.stages = nn.Sequential(
            _Separable(40),
            _Separable(40),
            nn.Conv2d(40, 112, 2, stride=2),
            _Separable(112),
            _Separable(112),
            _Separable(112),
        )
        self.norm = _Norm(1, 112)
        self.squeeze = nn.Conv2d(112, _SQUEEZED[0], 1)
        self.describe = nn.Linear(_SQUEEZED[0] * 12 * 12, PERSON_WIDTH)

    def forward(self, faces: Tensor) -> Tensor:
        """Return the descriptions."""
        features = self.norm(self.stages(self.stem(faces)))
        return normalize(self.describe(self.squeeze(features).flatten(1)))


class SceneReader(nn.Module):
    """Pictures [rows, 3, 128, 128] in [-1, 1] to one logit per choice, and to keypoints."""

    def __init__(self) -> None:
        super().__init__()
        self.at_4 = nn.Sequential(_convolution(3, 24, 2), _convolution(24, 32, 2), _Fused(32))
        self.at_8 = nn.Sequential(_convolution(32, 64, 2), _Fused(64))
        self.at_16 = nn.Sequential(_convolution(64, 112, 2), _Fused(112))
        self.squeeze = nn.Conv2d(112, _SQUEEZED[1], 1)
        read = 2 * (32 + 64 + 112) + _SQUEEZED[1] * 8 * 8
        self.choose = nn.Sequential(
            nn.Linear(read, 192),
            nn.GELU(),
            nn.Linear(192, sum(len(choices) for choices in ATTRIBUTES.values())),
        )
        self.lateral_4 = nn.Conv2d(32, 32, 1)
        self.lateral_8 = nn.Conv2d(64, 32, 1)
        self.lateral_16 = nn.Conv2d(112, 32, 1)
        self.heat = nn.Sequential(_convolution(32, 32, 1), nn.Conv2d(32, KEYPOINTS, 1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [rows, choices] and keypoints [rows, 5, 2] in pixels."""
        logits, heat = self.read(pictures)
        return logits, keypoints_of(heat)

    def read(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [rows, choices] and heat maps [rows, 5, 32, 32]."""
        fine = self.at_4(pictures)
        middle = self.at_8(fine)
        coarse = self.at_16(middle)
        read = [part for level in (fine, middle, coarse) for part in _pooled(level)]
        read.append(self.squeeze(coarse).flatten(1))
        context = self.lateral_8(middle) + interpolate(self.lateral_16(coarse), scale_factor=2.0)
        heat = self.heat(gelu(self.lateral_4(fine) + interpolate(context, scale_factor=2.0)))
        return self.choose(torch.cat(read, 1)), heat


def keypoints_of(heat: Tensor) -> Tensor:
    """Return where heat maps [rows, 5, side, side] lie on average [rows, 5, 2], in pixels."""
    side = heat.shape[-1]
    share = heat.flatten(2).softmax(2).unflatten(2, (side, side))
    centres = cell_centres(heat)
    return torch.stack([(share.sum(2) * centres).sum(2), (share.sum(3) * centres).sum(2)], 2)


def cell_centres(heat: Tensor) -> Tensor:
    """Return the middles of the cells of heat maps [rows, 5, side, side] in pixels [side]."""
    return (torch.arange(heat.shape[-1], device=heat.device) + 0.5) * _CELL_PX - 0.5


class _Separable(nn.Module):
    """A residual block: space within each channel, then channels within each place."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.space = nn.Conv2d(width, width, _KERNEL_PX, padding=_KERNEL_PX // 2, groups=width)
        self.norm = _Norm(1, width)
        self.widen = nn.Conv2d(width, width * _EXPANSION, 1)
        self.narrow = nn.Conv2d(width * _EXPANSION, width, 1)

    def forward(self, states: Tensor) -> Tensor:
        refined: Tensor = self.narrow(gelu(self.widen(self.norm(self.space(states)))))
        return states + refined


class _Norm(nn.GroupNorm):
    """Its parent without a check of shapes that cannot be traced into an ONNX file."""

    def forward(self, states: Tensor) -> Tensor:
        """Return the states with mean 0 and deviation 1."""
        return torch.group_norm(states, self.num_groups, self.weight, self.bias, self.eps)


class _Fused(nn.Module):
    """A residual block: space and channels at once to more channels, then back to fewer."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.wide = _convolution(width, width * 2, 1)
        self.narrow = nn.Conv2d(width * 2, width, 1, bias=False)
        self.norm = nn.BatchNorm2d(width)

    def forward(self, states: Tensor) -> Tensor:
        refined: Tensor = self.norm(self.narrow(self.wide(states)))
        return states + refined


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.GELU()
    )


def _pooled(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of each channel."""
    return features.mean((2, 3)), features.amax((2, 3))
