"""Reading credentials: whether a picture's are ours, somebody else's, broken, or not there."""

import json
import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from c2pa import C2paError, Reader

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.c2pa_context import SIGNERS, make_context
from instantid_server.trust.encoding import MIME_TYPES
from instantid_server.trust.manifest import RECORD_LABEL

_STATES = {  # "Valid": whole, but of a signer whom nobody here vouches for
    "Trusted": CredentialsState.TRUSTED,
    "Valid": CredentialsState.UNTRUSTED,
    "Invalid": CredentialsState.INVALID,
}
_BEGINNINGS = {
    OutputFormat.PNG: re.compile(rb"\x89PNG\r\n\x1a\n"),
    OutputFormat.JPEG: re.compile(rb"\xff\xd8\xff"),
    OutputFormat.WEBP: re.compile(rb"RIFF.{4}WEBP", re.DOTALL),
}
_STAMPED = "timeStamp.trusted"  # C2PA's code
_MANIFEST_STORE = b"jumdc2pa"  # how the box of credentials begins, in every format


@dataclass(frozen=True)
class Credentials:
    """What the credentials of one picture are worth."""

    state: CredentialsState
    record_id: str | None = None  # of trusted ones that name it
    is_stamped: bool = False  # trusted ones: an authority that is trusted stamped the time


class CredentialsReader:
    """Reads by pinned anchors; fetches nothing. Any thread may read."""

    def __init__(self, anchors: Anchors) -> None:
        self._context = make_context(anchors)

    def read(self, encoded: bytes) -> Credentials:
        """Return what the credentials of an encoded picture are worth."""
        mime_type = _mime_type(encoded)
        if mime_type is None:
            return Credentials(CredentialsState.NONE)
        try:
            with Reader(mime_type, BytesIO(encoded), context=self._context) as reader:
                found = json.loads(reader.json())
        except C2paError:  # none there, none that can be parsed, or a damaged picture without any
            held = _MANIFEST_STORE in encoded
            return Credentials(CredentialsState.INVALID if held else CredentialsState.NONE)
        state = _STATES.get(found.get("validation_state"), CredentialsState.INVALID)
        if state is not CredentialsState.TRUSTED:
            return Credentials(state)
        return _trusted(found)


def _trusted(found: dict[str, Any]) -> Credentials:
    """Return what credentials say that c2pa trusts; it is not picky about who may sign."""
    results = found["validation_results"]
    if results.get("trustListUri") != SIGNERS:
        return Credentials(CredentialsState.UNTRUSTED)
    record_id = _record_id(found["manifests"][found["active_manifest"]])
    passed = {entry["code"] for entry in results["activeManifest"]["success"]}
    return Credentials(CredentialsState.TRUSTED, record_id, _STAMPED in passed)


def _mime_type(encoded: bytes) -> str | None:
    for output_format, beginning in _BEGINNINGS.items():
        if beginning.match(encoded):
            return MIME_TYPES[output_format]
    return None


def _record_id(manifest: dict[str, Any]) -> str | None:
    for assertion in manifest.get("assertions", []):
        if assertion["label"] == RECORD_LABEL:
            return str(assertion["data"]["record_id"])
    return None
