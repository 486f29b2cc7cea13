"""The nodes' configs, taken from the checkout, with what depends on the weights put in."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from instantid_server.contract import MODELS
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.planned import BytesFile, PlannedFile

ConfigChange = Callable[[str], str]

_CODE = PurePosixPath("1/model.py")


def node_files(template: Path, changes: Mapping[str, ConfigChange]) -> list[PlannedFile]:
    """Return every node's code and configs; `changes` are made to each config of a model."""
    files: list[PlannedFile] = []
    for model, spec in MODELS.items():
        if spec.backend == "ensemble":  # shared by all repositories
            continue
        folder = template / model
        configs = [folder / "config.pbtxt", *sorted(folder.glob("configs/*.pbtxt"))]
        code = [folder / _CODE] if spec.backend == "python" else []
        for path in (*configs, *code):
            content = _read(path)
            if path in configs and model in changes:
                content = changes[model](content)
            files.append(BytesFile(PurePosixPath(path.relative_to(template)), content.encode()))
    return files


def with_parameter(config: str, key: str, value: str) -> str:
    """Return a `config.pbtxt` whose parameter `key` is `value`."""
    pattern = rf'(key: "{re.escape(key)}"\s+value \{{ string_value: )"[^"]*"'
    return _replace(config, pattern, rf'\g<1>"{value}"', f"parameter {key}")


def with_max_batch_size(config: str, size: int) -> str:
    """Return a `config.pbtxt` whose model takes batches of at most `size`."""
    return _replace(config, r"(?m)^max_batch_size: \d+$", f"max_batch_size: {size}", "batch size")


def _replace(config: str, pattern: str, replacement: str, what: str) -> str:
    changed, count = re.subn(pattern, replacement, config)
    if count != 1:
        raise ImportFailed(
            f"a config of the model repository has {count} times the {what} that is to be set, "
            "expected once; check the repository out again"
        )
    return changed


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise ImportFailed(
            f"{path}: {error.strerror}; --model-repository is to name the model repository of the "
            "checkout, whose nodes and configs are copied"
        ) from error
