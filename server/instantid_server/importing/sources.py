"""Where an import reads from: files and folders, or ids of the hub, which are fetched first."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instantid_server.importing import hub
from instantid_server.importing.failure import ImportFailed

IP_ADAPTER_PATTERNS = ("ip-adapter.bin", "ip-adapter.safetensors")
IDENTITYNET_PATTERNS = ("ControlNetModel/*", "config.json", "diffusion_pytorch_model.safetensors")
FACES_PATTERNS = ("*scrfd_10g_bnkps.onnx", "*glintr100.onnx")
VAE_PATTERNS = ("config.json", "diffusion_pytorch_model.safetensors")
LORA_PATTERNS = ("pytorch_lora_weights.safetensors",)
TOKENIZER_PATTERNS = ("tokenizer/*", "tokenizer_2/*")

_BASE_CONFIGS = (
    "unet/config.json",
    "vae/config.json",
    "text_encoder*/config.json",
    "scheduler/scheduler_config.json",
    *TOKENIZER_PATTERNS,
)
_BASE_VAE = "vae/diffusion_pytorch_model*.safetensors"
_BASE_HALVES = ("unet/*.fp16.safetensors", "text_encoder*/*.fp16.safetensors", _BASE_VAE)
_BASE_WHOLES = (
    "unet/diffusion_pytorch_model.safetensors*",
    "unet/diffusion_pytorch_model-*.safetensors",
    _BASE_VAE,
    "text_encoder*/model.safetensors",
)


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
    """Return the SDXL checkpoint; of the hub's two forms the one that holds enough is fetched."""
    if in_full_precision:
        return locate(given, (*_BASE_CONFIGS, *_BASE_WHOLES))
    source = locate(given, (*_BASE_CONFIGS, *_BASE_HALVES))
    if source.repo_id is None or any(source.path.glob("unet/*.safetensors")):
        return source
    # Not every author uploads halves.
    return locate(f"{source.repo_id}@{source.revision}", (*_BASE_CONFIGS, *_BASE_WHOLES))


def _hub_source(given: str) -> hub.HubSource:
    named = hub.parse(given)
    if named is None:
        raise ImportFailed(
            f"{given}: no such file or folder, and no id of the hub such as owner/name or "
            "owner/name@revision"
        )
    return named
