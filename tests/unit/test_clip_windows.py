"""CLIP's windows: the middle one is CLIP's own, and together they show the whole picture."""

import numpy as np
import pytest
import torch
from transformers import CLIPImageProcessor

from instantid_server.stages.clip_windows import clip_windows, count_windows

SIDE_PX = 32
# In CLIP's numbers: Pillow resizes in two passes, each of which may round to the next level of 255.
TWO_LEVELS = 2.01 / 255 / 0.26


def random_pictures(height: int, width: int, rows: int = 2) -> torch.Tensor:
    random = np.random.default_rng(height * width)
    coarse = random.integers(0, 256, (rows, 8, 8, 3), dtype=np.uint8)
    grown = coarse.repeat(-(-height // 8), 1).repeat(-(-width // 8), 2)
    return torch.from_numpy(np.ascontiguousarray(grown[:, :height, :width]))


@pytest.mark.parametrize(
    ("height", "width"),
    [(64, 64), (32, 32), (20, 20), (96, 64), (64, 100), (33, 47), (300, 64)],
)
def test_middle_window_is_what_clips_processor_gives(height: int, width: int) -> None:
    pictures = random_pictures(height, width)
    windows = clip_windows(pictures, SIDE_PX).unflatten(0, (len(pictures), -1))
    processor = CLIPImageProcessor(
        size={"shortest_edge": SIDE_PX}, crop_size={"height": SIDE_PX, "width": SIDE_PX}
    )
    expected = processor(images=list(pictures.numpy()), return_tensors="pt").pixel_values
    middle = windows[:, windows.shape[1] // 2]
    torch.testing.assert_close(middle, expected, rtol=0, atol=TWO_LEVELS)


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(64, 64, 1), (64, 72, 3), (192, 64, 3), (64, 200, 5), (2048, 64, 33)],
)
def test_there_are_as_many_windows_as_the_longer_side_needs(
    height: int, width: int, count: int
) -> None:
    assert count_windows(height, width) == count
    assert len(clip_windows(random_pictures(height, width, rows=1), SIDE_PX)) == count


@pytest.mark.parametrize(("height", "width"), [(64, 72), (64, 192), (200, 64)])
def test_no_part_of_a_picture_is_out_of_sight(height: int, width: int) -> None:
    step = 4
    for place in range(0, max(height, width), step):
        picture = torch.zeros(1, height, width, 3, dtype=torch.uint8)
        side = 1 if height > width else 2
        picture.narrow(side, place, step).fill_(255)
        windows = clip_windows(picture, SIDE_PX)
        dark = clip_windows(torch.zeros_like(picture), SIDE_PX)
        assert (windows - dark).abs().max() > 1, f"pixels {place} to {place + step}"
