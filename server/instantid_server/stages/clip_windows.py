"""CLIP's view of pictures: square windows of one size, in the numbers that CLIP was trained on."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD


def count_windows(height: int, width: int) -> int:
    """Return how many windows show all of such a picture: one if it is square, else an odd number.

    CLIP's own preprocessing shows the middle window alone, and nothing of what lies beside it.
    """
    ratio = max(height, width) / min(height, width)
    return int(-(-(ratio - 1) // 2)) * 2 + 1


def clip_windows(images: Tensor, side_px: int) -> Tensor:
    """Return the windows (rows x windows, 3, side, side) of RGB pictures (rows, height, width, 3).

    The windows of one picture follow each other. The middle one is what `CLIPImageProcessor` gives.
    """
    height, width = images.shape[1:3]
    shorter = min(height, width)
    size = [side_px * height // shorter, side_px * width // shorter]
    levels = images.permute(0, 3, 1, 2).float()
    for pass_size in ([height, size[1]], size):  # as Pillow does it, to whole levels each time
        levels = interpolate(levels, pass_size, mode="bicubic", antialias=True)
        levels = levels.round().clamp(0, 255)
    windows = [
        levels[:, :, top : top + side_px, left : left + side_px]
        for top, left in _corners(size, side_px, count_windows(height, width))
    ]
    stacked = torch.stack(windows, dim=1).flatten(0, 1) / 255
    mean, deviation = (
        torch.tensor(of_channels, device=images.device)[:, None, None]
        for of_channels in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD)
    )
    return (stacked - mean) / deviation


def _corners(size: list[int], side_px: int, count: int) -> list[tuple[int, int]]:
    """Return top and left of each window, spread evenly from one end to the other."""
    top, left = (length - side_px for length in size)  # at least one of them is 0
    last = max(count - 1, 1)
    return [(top * number // last, left * number // last) for number in range(count)]
