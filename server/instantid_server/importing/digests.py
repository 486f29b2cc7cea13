"""Digests: of any file, and those that are known of antelopev2's."""

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class KnownFile:
    """What a file of this name has to be."""

    sha256: str
    size: int  # bytes


DETECTOR_FILE = "scrfd_10g_bnkps.onnx"
RECOGNISER_FILE = "glintr100.onnx"

# As every mirror of antelopev2 has them. Files that are not here have no digest that their authors
# published: an import records theirs, and a later one compares.
KNOWN_FILES = {
    DETECTOR_FILE: KnownFile(
        "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91", 16_923_827
    ),
    RECOGNISER_FILE: KnownFile(
        "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf", 260_665_334
    ),
}


def sha256_of(path: Path) -> str:
    """Return a file's digest in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
