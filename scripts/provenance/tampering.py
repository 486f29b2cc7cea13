"""Tampering: one byte of the pixels is changed, and the credentials have to notice."""

import random
from collections.abc import Iterator

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.trust.reading import CredentialsReader
from scripts.provenance.image_body import image_body


def changed_files(
    file: bytes, output_format: OutputFormat, count: int, seed: int = 0
) -> Iterator[bytes]:
    """Yield the file `count` times, each with another value in one byte of its pixels."""
    chance = random.Random(seed)
    body = image_body(file, output_format)
    for _ in range(count):
        changed = bytearray(file)
        changed[chance.randrange(body.start, body.stop)] ^= chance.randrange(1, 256)
        yield bytes(changed)


def count_missed(
    reader: CredentialsReader, file: bytes, output_format: OutputFormat, count: int
) -> int:
    """Return how many of `count` changes do not read as invalid."""
    states = (reader.read(changed).state for changed in changed_files(file, output_format, count))
    return sum(state is not CredentialsState.INVALID for state in states)
