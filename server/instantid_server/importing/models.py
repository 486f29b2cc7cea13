"""What a repository serves: the files of each model, what they were made of, and the licences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from instantid_server.contract import MODELS
from instantid_server.importing import licences
from instantid_server.importing.digests import sha256_of
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.record import (
    RECORD_FILE,
    ImportRecord,
    Role,
    SourceFile,
    read_record,
)

POCKET_CARD = "MODEL_CARD.md"  # what the repository with the pocket weights has, and no other
_NOT_WEIGHTS = ("model.py", ".gitkeep")
_DIGITS = 12  # of a digest or commit, where a person reads it
_MIB = 1024**2

_ROLES: Mapping[str, Sequence[Role]] = {
    "face_detector": (Role.FACE_DETECTOR,),
    "face_embedder": (Role.FACE_EMBEDDER,),
    "text_encoder": (Role.BASE, Role.TOKENIZERS, Role.LORA),
    "id_resampler": (Role.IP_ADAPTER,),
    "identitynet": (Role.IDENTITYNET,),
    "unet": (Role.BASE, Role.IP_ADAPTER, Role.LORA),
    "vae_decoder": (Role.VAE,),
    "vae_encoder": (Role.VAE,),
    "safety": (Role.SAFETY_CHECKER,),
    "instantid": (Role.BASE,),
    "instantid_stream": (Role.BASE,),
}


@dataclass(frozen=True)
class ServedFile:
    """A file that a model loads."""

    name: str  # inside the model's version folder
    size: int  # bytes
    sha256: str


@dataclass(frozen=True)
class Origin:
    """What files were made of."""

    source: str
    revision: str | None
    licence: str
    note: str = ""

    def line(self) -> str:
        """Return it for a person."""
        commit = "" if self.revision is None else f"@{self.revision[:_DIGITS]}"
        note = f"; {self.note}" if self.note else ""
        return f"{self.source}{commit}: {self.licence}{note}"


@dataclass(frozen=True)
class ServedModel:
    """A model that has files of its own."""

    name: str
    files: tuple[ServedFile, ...]
    origins: tuple[Origin, ...]

    def lines(self) -> list[str]:
        """Return it for a person, digests shortened."""
        size = sum(file.size for file in self.files)
        return [
            f"{self.name}  {size / _MIB:.1f} MiB",
            *(
                f"  {file.sha256[:_DIGITS]}  {file.size / _MIB:8.1f} MiB  {file.name}"
                for file in self.files
            ),
            *(f"  from {origin.line()}" for origin in self.origins),
        ]


@dataclass(frozen=True)
class ServedRepository:
    """All that a repository serves."""

    models: tuple[ServedModel, ...]
    dtype: str | None  # of an import
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return it for a person."""
        return [*(line for model in self.models for line in model.lines()), *self.notes]

    def as_json(self) -> dict[str, object]:
        """Return it whole."""
        return asdict(self)


def describe_repository(repository: Path) -> ServedRepository:
    """Read a repository, and the record of its import if it was imported; raises ImportFailed."""
    found = {name: files for name in MODELS if (files := _served_files(repository / name / "1"))}
    if not found:
        raise ImportFailed(f"{repository}: this is no model repository with weights")
    if (repository / RECORD_FILE).exists():
        record = read_record(repository)
        models = (ServedModel(name, files, _origins(name, record)) for name, files in found.items())
        return ServedRepository(tuple(models), record.dtype, (*record.notes, licences.NOTICE))
    origin = _unrecorded(repository)
    models = (ServedModel(name, files, (origin,)) for name, files in found.items())
    return ServedRepository(tuple(models), None, ())


def _served_files(folder: Path) -> tuple[ServedFile, ...]:
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.name not in _NOT_WEIGHTS and path.suffix != ".pyc"
    )
    return tuple(
        ServedFile(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path))
        for path in paths
    )


def _origins(model: str, record: ImportRecord) -> tuple[Origin, ...]:
    roles = _ROLES.get(model, ())
    if Role.VAE in roles and not any(file.role is Role.VAE for file in record.sources):
        roles = (Role.BASE,)
    used = [_origin(file) for file in record.sources if file.role in roles]
    return tuple(dict.fromkeys(used))  # many files are of one source


def _origin(file: SourceFile) -> Origin:
    return Origin(file.source, file.revision, file.licence, file.note)


def _unrecorded(repository: Path) -> Origin:
    if (repository / POCKET_CARD).exists():
        return Origin("the pocket weights of this project", None, licences.POCKET)
    return Origin(f"unknown: there is no {RECORD_FILE}", None, licences.UNKNOWN)
