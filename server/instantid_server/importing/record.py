"""The record of an import: which files a repository was made of, kept in it as `import.json`."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from instantid_server.importing import licences
from instantid_server.importing.digests import KNOWN_FILES, sha256_of
from instantid_server.importing.failure import ImportFailed

RECORD_FILE = "import.json"
_FORMAT = 1  # of the file; another one is not read
_DIGITS = 12  # of a digest, where a person compares two


class Role(StrEnum):
    """What a source is for."""

    IP_ADAPTER = "ip_adapter"
    IDENTITYNET = "identitynet"
    BASE = "base"
    VAE = "vae"
    LORA = "lora"
    TOKENIZERS = "tokenizers"
    FACE_DETECTOR = "face_detector"
    FACE_EMBEDDER = "face_embedder"
    SAFETY_CHECKER = "safety_checker"


# The authors' own words hold for every copy of what only they have made.
_ROLE_LICENCES = {Role.IP_ADAPTER: licences.INSTANTID, Role.IDENTITYNET: licences.INSTANTID}


@dataclass(frozen=True)
class SourceFile:
    """One file that was read."""

    role: Role
    name: str  # inside its source
    sha256: str
    size: int  # bytes
    source: str  # a folder's or file's name, or an id of the hub
    revision: str | None = None  # the hub's commit
    licence: str = licences.UNKNOWN
    known: bool = False  # the digest is one that was known before
    note: str = ""


@dataclass(frozen=True)
class ImportRecord:
    """What a repository was made of."""

    dtype: str  # of the stored weights
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()  # what whoever serves it should know

    def to_json(self) -> bytes:
        """Return the content of the file."""
        return (json.dumps({"format": _FORMAT, **asdict(self)}, indent=2) + "\n").encode()


def describe(
    role: Role,
    path: Path,
    *,
    name: str | None = None,
    source: str | None = None,
    revision: str | None = None,
) -> SourceFile:
    """Return the record of a file; `source` is an id of the hub, None for what lay here already."""
    name = path.name if name is None else name
    folder = path.absolute().parents[len(Path(name).parts) - 1]
    sha256 = sha256_of(path)
    known = any(sha256 == file.sha256 for file in KNOWN_FILES.values())
    return SourceFile(
        role,
        name,
        sha256,
        path.stat().st_size,
        folder.name if source is None else source,
        revision,
        _licence(role, source, known),
        known,
    )


def _licence(role: Role, hub_id: str | None, known: bool) -> str:
    if known:  # of antelopev2, whose mirrors cannot give it another one
        return licences.ANTELOPEV2
    own = None if hub_id is None else licences.HUB_LICENCES.get(hub_id)
    return _ROLE_LICENCES.get(role, licences.UNKNOWN) if own is None else own


def read_record(path: Path) -> ImportRecord:
    """Return the record of a repository, or of its `import.json`."""
    file = path / RECORD_FILE if path.is_dir() else path
    try:
        page = json.loads(file.read_text())
        if page["format"] != _FORMAT:
            raise ImportFailed(f"{file}: written by another version of this importer")
        sources = tuple(_read_source(source) for source in page["sources"])
        return ImportRecord(page["dtype"], sources, tuple(page["notes"]))
    except OSError as error:
        raise ImportFailed(f"{file}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ImportFailed(f"{file}: this is no record of an import") from error


def _read_source(page: Mapping[str, Any]) -> SourceFile:
    return SourceFile(**{**page, "role": Role(page["role"])})


def read_earlier_record(path: Path, dtype: str) -> ImportRecord:
    """Return the record of an earlier import, which an import in `dtype` is to repeat."""
    earlier = read_record(path)
    if earlier.dtype != dtype:
        raise ImportFailed(
            f"{path}: that import was in {earlier.dtype}, this one is in {dtype}; to repeat it, "
            f"take --dtype {earlier.dtype}"
        )
    return earlier


def compare_files(record: ImportRecord, earlier: ImportRecord) -> None:
    """Raise ImportFailed, naming the files, if others were read than at an earlier import.

    The same bytes for the same role are the same file, whatever its name: two LoRAs of the hub have
    one name, and a checkpoint's folders can be laid out in more than one way.
    """
    new = _beyond(record.sources, earlier.sources)
    gone = _beyond(earlier.sources, record.sources)
    differences = [f"{_named(file)} is new" for file in new]
    differences += [f"{_named(file)} is missing" for file in gone]
    if differences:
        raise ImportFailed(f"not what was imported earlier: {'; '.join(sorted(differences))}")


def _beyond(files: Sequence[SourceFile], others: Sequence[SourceFile]) -> list[SourceFile]:
    """Return the files that `others` hold not, or not as often."""
    left = Counter((file.role, file.sha256) for file in others)
    beyond = []
    for file in files:
        key = (file.role, file.sha256)
        if left[key]:
            left[key] -= 1
        else:
            beyond.append(file)
    return beyond


def _named(file: SourceFile) -> str:
    return f"{file.role} {file.name} of {file.source} (sha256 {file.sha256[:_DIGITS]}...)"
