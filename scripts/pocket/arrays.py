"""Arrays: the kinds of numpy array that drawing and training hand around, in memory or on disk."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]  # coordinates, keypoints, embeddings, losses' truths
Rows = NDArray[np.signedinteger[Any]]  # numbers of drawings in the training set
Picture = NDArray[np.uint8]  # RGB, [height, width, 3] or a stack of them


def new_array(path: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Return a new array of zeros that lives in a .npy file."""
    array: NDArray[Any] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]  # no stubs
        path, "w+", dtype, shape
    )
    return array


def open_array(path: Path) -> NDArray[Any]:
    """Return the array that lives in a .npy file; what is written to it is kept."""
    array: NDArray[Any] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]  # no stubs
        path, "r+"
    )
    return array
