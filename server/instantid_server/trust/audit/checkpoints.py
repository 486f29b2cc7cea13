"""Checkpoints: signed words on how far the log had come, in a file beside it.

Without one, the log's end can be cut off and nobody sees it. A copy that is kept elsewhere also
shows when log and checkpoints were replaced together.
"""

import base64
import json
from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from instantid_server.trust.audit.chain import BrokenLog, Head

_PURPOSE = b"instantid audit checkpoint\n"  # so that no other signature of the key is one


def checkpoints_path(records: Path) -> Path:
    """Return where the checkpoints of a log are."""
    return records.with_name(f"{records.name}.checkpoints")


def sign_checkpoint(head: Head, time: str, key: Ed25519PrivateKey) -> bytes:
    """Return the line that says how far the log had come at that time."""
    signature = base64.b64encode(key.sign(_statement(head, time))).decode()
    fields = {"seq": head.seq, "head": head.value, "time": time, "signature": signature}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"


def read_checkpoints(lines: Iterable[bytes], name: str, key: Ed25519PublicKey) -> dict[int, str]:
    """Return the values that were signed, by record; a last line without an end is left.

    Raises BrokenLog for a line that is no checkpoint of this key, or contradicts another one.
    """
    signed: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        if line.endswith(b"\n"):
            head = _read(line, f"line {number} of {name}", key)
            if signed.setdefault(head.seq, head.value) != head.value:
                raise BrokenLog(f"line {number} of {name} contradicts an earlier checkpoint")
    return signed


def _read(line: bytes, place: str, key: Ed25519PublicKey) -> Head:
    try:
        fields = json.loads(line)
        head = Head(int(fields["seq"]), str(fields["head"]))
        signature = base64.b64decode(fields["signature"], validate=True)
        statement = _statement(head, str(fields["time"]))
    except (ValueError, KeyError, TypeError) as error:
        raise BrokenLog(f"{place} is no checkpoint") from error
    try:
        key.verify(signature, statement)
    except InvalidSignature as error:
        raise BrokenLog(f"{place} was not signed with this server's audit key") from error
    return head


def _statement(head: Head, time: str) -> bytes:
    return _PURPOSE + f"{head.seq} {head.value} {time}".encode()
