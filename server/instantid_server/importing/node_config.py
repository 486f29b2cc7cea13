"""The nodes' configs, taken from the checkout, with what depends on the weights put in."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from instantid_server.contract import MODELS
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.planned import BytesFile

ConfigChange = Callable[[str], str]

_CODE = PurePosixPath("1/model.py")


def node_files(template: Path) -> list[BytesFile]:
    """Return every node's code and configs, as the checkout has them."""
    files: list[BytesFile] = []
    for model, spec in MODELS.items():
        if spec.backend == "ensemble":  # shared by all repositories
            continue
        folder = template / model
        configs = [folder / "config.pbtxt", *sorted(folder.glob("configs/*.pbtxt"))]
        code = [folder / _CODE] if spec.backend == "python" else []
        for path in (*configs, *code):
            content = _read(path).encode()
            files.append(BytesFile(PurePosixPath(path.relative_to(template)), content))
    return files


def with_changes(
    nodes: Sequence[BytesFile], changes: Mapping[str, ConfigChange]
) -> list[BytesFile]:
    """Return the files of `nodes`, with a model's change made to each of its configs."""
    changed = []
    for file in nodes:
        model = file.path.parts[0]
        if file.path.suffix == ".pbtxt" and model in changes:
            file = replace(file, content=changes[model](file.content.decode()).encode())
        changed.append(file)
    return changed


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
