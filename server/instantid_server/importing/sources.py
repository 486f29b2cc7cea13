"""Where an import reads from: files and folders, or ids of the hub, which are fetched first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instantid_server.importing import hub
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import DIFFUSERS_WEIGHTS, TRANSFORMERS_WEIGHTS
from instantid_server.importing.sdxl import ENCODER_FOLDERS, TOKENIZER_FOLDERS

_SHARD = "?????-of-?????"


def _wholes(stem: str) -> tuple[str, ...]:
    """Return what matches a network's weights, in one file or in shards."""
    return (
        f"{stem}.safetensors",
        f"{stem}.safetensors.index.json",
        f"{stem}-{_SHARD}.safetensors",
    )


def _halves(stem: str) -> tuple[str, ...]:
    """Return what matches them in half precision."""
    return (
        f"{stem}.fp16.safetensors",
        f"{stem}.safetensors.index.fp16.json",
        f"{stem}.fp16-{_SHARD}.safetensors",
        f"{stem}-{_SHARD}.fp16.safetensors",  # older names
    )


def _either(stem: str) -> tuple[str, ...]:
    return (*_wholes(stem), *_halves(stem))


IP_ADAPTER_PATTERNS = ("ip-adapter.bin", "ip-adapter.safetensors")
IDENTITYNET_PATTERNS = (
    "ControlNetModel/config.json",
    *_either(f"ControlNetModel/{DIFFUSERS_WEIGHTS}"),
    "config.json",
    *_either(DIFFUSERS_WEIGHTS),
)
FACES_PATTERNS = ("*scrfd_10g_bnkps.onnx", "*glintr100.onnx")
VAE_PATTERNS = ("config.json", *_either(DIFFUSERS_WEIGHTS))
SAFETY_PATTERNS = tuple(
    f"{folder}{name}"
    for folder in ("", "safety_checker/")
    for name in ("config.json", *_either(TRANSFORMERS_WEIGHTS))
)
LORA_PATTERNS = ("pytorch_lora_weights.safetensors",)
TOKENIZER_PATTERNS = tuple(
    f"{folder}/{kind}" for folder in TOKENIZER_FOLDERS for kind in ("*.json", "merges.txt")
)

_BASE_CONFIGS = (
    "unet/config.json",
    "vae/config.json",
    *(f"{folder}/config.json" for folder in ENCODER_FOLDERS),
    "scheduler/scheduler_config.json",
    *TOKENIZER_PATTERNS,
)
_UNET = f"unet/{DIFFUSERS_WEIGHTS}"
_ENCODERS = tuple(f"{folder}/{TRANSFORMERS_WEIGHTS}" for folder in ENCODER_FOLDERS)
_BASE_VAE = _either(f"vae/{DIFFUSERS_WEIGHTS}")
_BASE_WHOLES = (*_wholes(_UNET), *(name for stem in _ENCODERS for name in _wholes(stem)))
_BASE_HALF_ENCODERS = tuple(name for stem in _ENCODERS for name in _halves(stem))


@dataclass(frozen=True)
class Source:
    """A place on this machine, and which repository of the hub it is a copy of."""

    path: Path
    repo_id: str | None = None
    revision: str | None = None  # the commit that was fetched


def locate(given: str, patterns: Sequence[str]) -> Source:
    """Return the path that was given, or fetch what matches `patterns` from the hub."""
    path = Path(given)
    if path.exists():
        return Source(path)
    named = _hub_source(given)
    try:
        fetched = hub.fetch(named.repo_id, named.revision, patterns)
    except ImportFailed as failure:
        raise ImportFailed(f"no such file or folder here; on the hub: {failure}") from failure
    return Source(fetched.folder, named.repo_id, fetched.revision)


def check_given(given: Sequence[str]) -> None:
    """Refuse what can be found nowhere, before gigabytes of the rest are fetched."""
    for text in given:
        if not Path(text).exists():
            _hub_source(text)


def locate_base(given: str, in_full_precision: bool) -> Source:
    """Return the SDXL checkpoint; of the hub's two forms the one that holds enough is fetched.

    Not every author uploads halves, or those of all networks: the small networks are asked for
    first, so that no UNet is fetched twice.
    """
    wholes = (*_BASE_CONFIGS, *_BASE_VAE, *_BASE_WHOLES)
    if in_full_precision:
        return locate(given, wholes)
    source = locate(given, (*_BASE_CONFIGS, *_BASE_VAE, *_BASE_HALF_ENCODERS))
    if source.repo_id is None:
        return source
    fetched = f"{source.repo_id}@{source.revision}"
    if all(_has_half(source, stem) for stem in _ENCODERS):
        source = locate(fetched, _halves(_UNET))
        if _has_half(source, _UNET):
            return source
    return locate(fetched, wholes)


def _has_half(source: Source, stem: str) -> bool:
    return any(path for pattern in _halves(stem) for path in source.path.glob(pattern))


def _hub_source(given: str) -> hub.HubSource:
    named = hub.parse(given)
    if named is None:
        raise ImportFailed(
            f"{given}: no such file or folder, and no id of the hub such as owner/name or "
            "owner/name@revision"
        )
    return named
