"""Where generated pictures go, and what they are called."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instantid_client._console import UsageError
from instantid_client._results import Generation, Preview, format_of
from instantid_server.contract import OutputFormat

_FORMATS = {
    ".png": OutputFormat.PNG,
    ".jpg": OutputFormat.JPEG,
    ".jpeg": OutputFormat.JPEG,
    ".webp": OutputFormat.WEBP,
}
_SLUG_LENGTH = 40  # keeps names readable, and under every file system's limit


@dataclass(frozen=True)
class Output:
    """One file for one picture, or a folder for all."""

    path: Path
    is_file: bool

    @property
    def output_format(self) -> OutputFormat | None:
        """The format that the file's ending asks for; None for a folder."""
        return _FORMATS[self.path.suffix.lower()] if self.is_file else None

    def prepare(self) -> None:
        """Make the folder, before minutes are spent on pictures for it."""
        (self.path.parent if self.is_file else self.path).mkdir(parents=True, exist_ok=True)

    def save(self, name: str, generation: Generation) -> tuple[Path, ...]:
        """Write the pictures of one request and return where."""
        paths = []
        for picture in generation.pictures:
            path = self.path
            if not self.is_file:
                path = self.path / f"{name}_{picture.seed}.{picture.output_format}"
            picture.save(path)
            paths.append(path)
        return tuple(paths)


def parse_output(path: Path, *, several: bool, output_format: str | None = None) -> Output:
    """Return what `path` means; raises UsageError if it does not go with the request.

    A name that ends like a picture is a file, every other one a folder.
    """
    if path.is_dir() or path.suffix == "":
        return Output(path, is_file=False)
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise UsageError(f"--output: expected {', '.join(_FORMATS)} or a folder, got {path}")
    if several:
        raise UsageError(f"--output: several pictures need a folder, got {path}")
    if output_format is not None and output_format.lower() != _FORMATS[suffix]:
        raise UsageError(f"--output-format: {output_format} contradicts the name {path}")
    return Output(path, is_file=True)


def save_preview(folder: Path, name: str, preview: Preview) -> None:
    """Write the previews of one step of a request."""
    for index, encoded in enumerate(preview.encoded):
        path = folder / f"{name}_{index}_step{preview.step:03}.{format_of(encoded)}"
        path.write_bytes(encoded)


def request_names(requests: Sequence[tuple[str, str]]) -> list[str]:
    """Return a file name for each (face, prompt), all different."""
    names: list[str] = []
    for face, prompt in requests:
        slug = re.sub(r"[\W_]+", "-", prompt.lower())[:_SLUG_LENGTH].strip("-")
        name = f"{Path(face).stem}_{slug}"
        count = 1
        while name in names:
            count += 1
            name = f"{Path(face).stem}_{slug}_{count}"
        names.append(name)
    return names
