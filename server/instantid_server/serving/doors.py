"""The keys to the server's doors: of its stages, and of the gateway in front of it."""

import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.options import ServeOptions
from instantid_server.stage_key import StageKey

_RANDOM_BYTES = 32
# What fits a header, Triton's command line and nginx's and Envoy's files without quotes.
_KEY = re.compile(r"[A-Za-z0-9_-]{32,256}")


@dataclass(frozen=True)
class Doors:
    """What those have to show who come in."""

    stage_key: StageKey
    gateway_key: str | None = field(repr=False)  # None: whoever reaches the ports may ask


def open_doors(options: ServeOptions) -> Doors:
    """Read the keys that are in files, and make a stage key if it is not; raises ServingFailure."""
    if options.stage_key_path is None:
        stage_key = secrets.token_urlsafe(_RANDOM_BYTES)
    else:
        stage_key = _read("stage_key", options.stage_key_path)
    gateway_key = None
    if options.gateway_key_path is not None:
        gateway_key = _read("gateway_key", options.gateway_key_path)
    return Doors(StageKey(stage_key), gateway_key)


def left_open(options: ServeOptions) -> list[str]:
    """Return a warning for each key file that everybody on this machine can read."""
    paths = (options.stage_key_path, options.gateway_key_path)
    return [
        f"warning: everybody on this machine can read {path}; run: chmod o-r {path}"
        for path in paths
        if path is not None and path.stat().st_mode & stat.S_IROTH
    ]


def _read(option: str, path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServingFailure(
            FailureCode.KEYS, f"{option}: {path} cannot be read ({type(error).__name__})"
        ) from error
    if _KEY.fullmatch(text) is None:
        raise ServingFailure(
            FailureCode.KEYS,
            f"{option}: {path} has to hold 32 to 256 letters, digits, _ or -; make it with: "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
        )
    return text
