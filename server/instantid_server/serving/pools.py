"""Triton's own memory on the GPUs, in which tensors wait between two stages."""

from pathlib import Path
from typing import Any

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.page import page_path, read_page

_KEY = "cuda_pool_mib"


def read_cuda_pools(ensemble_repository: Path, profile: str | None) -> dict[int, int]:
    """Return the MiB of the pool on each GPU that a profile uses; nothing for the CPU alone.

    Raises ServingFailure if the page uses GPUs and does not say how much. Triton's default of 64
    MiB would do for nobody: one request's residuals are larger, and Triton then goes through the
    host, where a stub may answer with empty tensors (server issue 8177).
    """
    path = page_path(ensemble_repository, profile)
    page = read_page(path)
    gpus = _gpus(page)
    if not gpus:
        return {}
    size_mib = page.get(_KEY)
    if not isinstance(size_mib, int) or size_mib < 1:
        raise ServingFailure(
            FailureCode.REPOSITORY,
            f"{path}: {_KEY}: expected a whole number of MiB, got {size_mib!r}",
        )
    return dict.fromkeys(gpus, size_mib)


def _gpus(page: dict[str, Any]) -> list[int]:
    tables = page.get("models", {}).values()
    return sorted({gpu for table in tables for gpu in table.get("gpus", ())})
