"""antelopev2: where its two files are, and whether they are the ones InstantID was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from instantid_server.importing.digests import DETECTOR_FILE, KNOWN_FILES, RECOGNISER_FILE
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.record import Role, SourceFile, describe

# As its archive unpacks, into a folder of its own name; as InstantID's demo keeps it; and both.
_INSIDE = ("", "antelopev2", "antelopev2/antelopev2", "models/antelopev2")
_OF_BUFFALO = ("det_10g.onnx", "w600k_r50.onnx")
_FOREIGN_DETECTOR = "an export of SCRFD that is not antelopev2's"
_FOREIGN_RECOGNISER = "not antelopev2's recogniser, whose embeddings InstantID was trained with"


@dataclass(frozen=True)
class FaceFiles:
    """The two files that are needed; antelopev2's other three are not."""

    detector: Path
    recogniser: Path


def find_faces(paths: Sequence[Path]) -> FaceFiles:
    """Return the files of a folder, however deep its archive put them, or the two files given."""
    if len(paths) == 1 and paths[0].is_dir():
        return _find_in(paths[0])
    by_name = {path.name: path for path in paths}
    if sorted(by_name) != sorted((DETECTOR_FILE, RECOGNISER_FILE)):
        given = ", ".join(map(str, paths))
        unpack = "; unpack the archive first" if paths[0].suffix == ".zip" else ""
        raise ImportFailed(
            f"{given}: expected antelopev2's folder, or {DETECTOR_FILE} and {RECOGNISER_FILE}"
            f"{unpack}"
        )
    return FaceFiles(by_name[DETECTOR_FILE], by_name[RECOGNISER_FILE])


def _find_in(folder: Path) -> FaceFiles:
    for inside in _INSIDE:
        files = FaceFiles(folder / inside / DETECTOR_FILE, folder / inside / RECOGNISER_FILE)
        if files.detector.is_file() and files.recogniser.is_file():
            return files
    names = {path.name for inside in _INSIDE for path in (folder / inside).glob("*.onnx")}
    held = ", ".join(sorted(names)) or "no .onnx file"
    other = "; this is buffalo_l, which InstantID cannot read" if names & {*_OF_BUFFALO} else ""
    raise ImportFailed(
        f"{folder}: expected {DETECTOR_FILE} and {RECOGNISER_FILE} there or in antelopev2/, "
        f"found {held}{other}"
    )


def check_faces(
    files: FaceFiles,
    *,
    source: str | None = None,
    revision: str | None = None,
    allow_other_detector: bool = False,
    allow_other_recogniser: bool = False,
) -> tuple[SourceFile, SourceFile]:
    """Return the record of both files; raises ImportFailed for one that is not antelopev2's.

    `source` and `revision` are those of the hub, if the files are from there.
    """
    detector = describe(Role.FACE_DETECTOR, files.detector, source=source, revision=revision)
    recogniser = describe(Role.FACE_EMBEDDER, files.recogniser, source=source, revision=revision)
    return (
        _check(
            files.detector,
            detector,
            _FOREIGN_DETECTOR if allow_other_detector else None,
            "an export of your own is taken with --allow-other-detector",
        ),
        _check(
            files.recogniser,
            recogniser,
            _FOREIGN_RECOGNISER if allow_other_recogniser else None,
            "AuraFace's file has the same name, but its embeddings mean nothing to InstantID; "
            "if you must, --allow-other-recogniser takes another one",
        ),
    )


def _check(path: Path, found: SourceFile, allowed_note: str | None, way_out: str) -> SourceFile:
    known = KNOWN_FILES[path.name]
    if found.sha256 == known.sha256:
        return found
    if allowed_note is not None:
        return replace(found, note=allowed_note)
    cut = " (cut short while it was downloaded?)" if found.size < known.size else ""
    raise ImportFailed(
        f"{path}: this is not antelopev2's. It has {found.size:,} bytes{cut} and the sha256 "
        f"{found.sha256}; expected {known.size:,} bytes and {known.sha256}. Fetch antelopev2's "
        f"file again; {way_out}"
    )
