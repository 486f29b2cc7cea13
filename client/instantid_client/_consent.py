"""The consent of a photo: a token, in a file beside it with `.consent` behind its name."""

import os
from pathlib import Path

from instantid_client._errors import InvalidInput
from instantid_client._options import GenerationOptions

SUFFIX = ".consent"


def sidecar_of(photo: str | os.PathLike[str]) -> Path:
    """Return where the consent of a photo lies."""
    return Path(f"{os.fspath(photo)}{SUFFIX}")


def consent_beside(photo: object) -> str | None:
    """Return the token beside a photo; None if there is none, or the photo is no file."""
    if not isinstance(photo, str | os.PathLike):
        return None
    path = sidecar_of(photo)
    return read_consent(path) if os.path.isfile(path) else None  # Path's raises for long names


def read_consent(path: Path) -> str:
    """Return the token of a file; raises InvalidInput."""
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise InvalidInput(f"consent_token: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(f"consent_token: {path}: expected a token, found other data") from error


def consent_of(options: GenerationOptions) -> str | None:
    """Return the token to send: the one that was given, else the one beside the photo."""
    if options.consent_token is not None:
        return options.consent_token
    return consent_beside(options.face_image)
