"""What becomes of a request of the command line: pictures in files, or an error."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from instantid_client._console import error_json
from instantid_client._errors import InstantIDError
from instantid_client._options import GenerationOptions
from instantid_client._results import Generation, Picture


@dataclass(frozen=True)
class Job:
    """One face in one prompt."""

    name: str  # its files begin with it
    face: str  # as the caller named it
    options: GenerationOptions

    def to_json(self) -> dict[str, object]:
        """Return what tells this job from the others."""
        return {"face": self.face, "prompt": self.options.prompt}


@dataclass(frozen=True)
class Drawn:
    """A job with its pictures."""

    job: Job
    generation: Generation
    paths: tuple[Path, ...]  # of each picture

    def to_json(self) -> dict[str, object]:
        """Return the job's entry under `--json`."""
        pictures = [
            _picture_json(picture, path)
            for picture, path in zip(self.generation.pictures, self.paths, strict=True)
        ]
        return {
            **self.job.to_json(),
            "pictures": pictures,
            "timings": dict(self.generation.timings),
            "request_id": self.generation.request_id,
            "error": None,
        }

    def lines(self) -> list[str]:
        """Return a line for each picture."""
        return [
            f"{path}  seed {picture.seed}  {_describe_identity(picture)}"
            for picture, path in zip(self.generation.pictures, self.paths, strict=True)
        ]


@dataclass(frozen=True)
class Failed:
    """A job that brought an error."""

    job: Job
    error: InstantIDError

    def to_json(self) -> dict[str, object]:
        """Return the job's entry under `--json`."""
        return {
            **self.job.to_json(),
            "pictures": [],
            "timings": {},
            "request_id": None,
            "error": error_json(self.error),
        }


Outcome: TypeAlias = Drawn | Failed


def _picture_json(picture: Picture, path: Path) -> dict[str, object]:
    return {
        "path": str(path),
        "seed": picture.seed,
        "record_id": picture.record_id,
        "identity_similarity": picture.identity_similarity,
        "identity_note": picture.identity_note,
        "face_bbox": picture.face_bbox,
    }


def _describe_identity(picture: Picture) -> str:
    if picture.identity_similarity is None:
        return f"identity unknown: {picture.identity_note}"
    return f"identity {picture.identity_similarity:.2f}"
