"""The options of an import, as a person gives them."""

from dataclasses import dataclass
from pathlib import Path

DEFAULT_DTYPE = "float16"  # what InstantID's pipeline computes in


@dataclass(frozen=True)
class LoraOption:
    """A LoRA to be fused, and how strongly."""

    source: str
    scale: float = 1.0


@dataclass(frozen=True)
class ImportOptions:
    """What is imported and where to; a source is a path, or an id of the hub."""

    output: Path
    ip_adapter: str
    identitynet: str
    base: str
    faces: tuple[str, ...]  # antelopev2: a folder, or its two files
    vae: str | None = None  # None: the base's own
    tokenizers: str | None = None  # None: the base's own
    safety_checker: str | None = None  # None: the server has nobody to judge its pictures
    loras: tuple[LoraOption, ...] = ()
    dtype: str = DEFAULT_DTYPE  # of the stored weights
    record: Path | None = None  # of an earlier import, whose files have to be the same
    allow_other_detector: bool = False
    allow_other_recogniser: bool = False
    model_repository: Path = Path("model_repository")  # whose nodes and configs are copied
    ensemble_repository: Path = Path("ensemble_configs")  # whose profiles are planned for
    gpu_memory_gib: float | None = None  # of the card that profiles are compared with

    @property
    def sources(self) -> list[str]:
        """Everything that is to be found here or on the hub."""
        given = (*self.faces, self.base, self.identitynet, self.ip_adapter)
        loras = (lora.source for lora in self.loras)
        optional = (self.vae, self.tokenizers, self.safety_checker, *loras)
        return [*given, *(source for source in optional if source is not None)]
