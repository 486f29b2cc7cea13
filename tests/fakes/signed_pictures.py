"""Pictures with credentials, signed below a root of the tests' own."""

from datetime import UTC, datetime
from functools import cache

import numpy as np
from certificates import Issued, Leaf, issue
from numpy.typing import NDArray

from instantid_server.contract import ConsentLevel, OutputFormat
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.encoding import encode_labelled
from instantid_server.trust.manifest import Statement
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.signing import PictureSigner
from instantid_server.trust.signing_key import local_key

RECORD_ID = "0123456789abcdef" * 2
SIDE_PX = 64


def statement(mark: str = "") -> Statement:
    """Return what is said of a picture."""
    made_at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Statement(
        RECORD_ID, made_at, "clip sha256:1a2b3c4d", "f" * 64, ConsentLevel.VERIFIED, mark
    )


def picture(seed: int = 0) -> NDArray[np.uint8]:
    """Return a picture that no encoder can make small."""
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


def encoded(output_format: OutputFormat = OutputFormat.PNG, seed: int = 0) -> bytes:
    """Return such a picture without credentials."""
    return encode_labelled(picture(seed), output_format, 90)


def signer_of(issued: Issued) -> PictureSigner:
    """Return what signs with a chain, and trusts its root."""
    return PictureSigner(local_key(issued.chain, issued.key), Anchors(issued.root))


def signed_by(issued: Issued, output_format: OutputFormat = OutputFormat.PNG) -> bytes:
    """Return a picture that somebody signed who trusts himself."""
    return signer_of(issued).sign(encoded(output_format), output_format, statement())


@cache
def our_chain() -> Issued:
    """Return the chain that counts as the server's own."""
    return issue(Leaf())


@cache
def our_signer() -> PictureSigner:
    """Return what signs with it."""
    return signer_of(our_chain())


@cache
def our_reader() -> CredentialsReader:
    """Return what trusts its root, and no other."""
    return CredentialsReader(Anchors(our_chain().root))


@cache
def signed(output_format: OutputFormat = OutputFormat.PNG, seed: int = 0) -> bytes:
    """Return a picture with credentials of ours."""
    return our_signer().sign(encoded(output_format, seed), output_format, statement())
