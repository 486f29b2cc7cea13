"""Time stamps: a picture with one outlives its certificate, and none is ever made up."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from certificates import TIME_STAMPS, Issued, Leaf, issue
from signed_pictures import encoded, signer_of, statement
from timestamps import OPENSSL, timestamp_authority

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.errors import ProvenanceUnavailable
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.keys import KeysError
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.signing import PictureSigner
from instantid_server.trust.signing_key import local_key

LASTS_S = 5  # of the certificate; signing and a stamp take a tenth of a second on an idle machine
NOBODY = "http://127.0.0.1:9/"  # the discard port
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl on this machine")


@dataclass(frozen=True)
class Outlived:
    """Pictures whose certificate has ended, and how they read before."""

    anchors: Anchors
    plain: bytes
    stamped: bytes | None
    states_before: set[CredentialsState]


def sign(issued: Issued, anchors: Anchors, timestamp_url: str = "") -> bytes:
    signer = PictureSigner(local_key(issued.chain, issued.key), anchors, timestamp_url)
    return signer.sign(encoded(), OutputFormat.PNG, statement())


@pytest.fixture(scope="module")
def authority() -> Issued:
    return issue(Leaf(purposes=(TIME_STAMPS,), purposes_critical=True))


@pytest.fixture(scope="module")
def url(authority: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the authority answers; nobody does where there is no openssl."""
    if OPENSSL is None:
        yield NOBODY
    else:
        with timestamp_authority(tmp_path_factory.mktemp("authority"), authority) as url:
            yield url


@pytest.fixture(scope="module")
def outlived(authority: Issued, url: str) -> Outlived:
    began_s = time.monotonic()
    issued = issue(Leaf(ends=timedelta(seconds=LASTS_S)))
    anchors = Anchors(issued.root, authority.root)
    plain = sign(issued, anchors)
    stamped = None if url == NOBODY else sign(issued, anchors, url)
    reader = CredentialsReader(anchors)
    before = {reader.read(file).state for file in (plain, stamped) if file is not None}
    # Nothing tells when a certificate ends but the clock; its last second still counts.
    time.sleep(max(0.0, began_s + LASTS_S + 1 - time.monotonic()))
    return Outlived(anchors, plain, stamped, before)


def test_every_picture_is_trusted_while_its_certificate_lasts(outlived: Outlived) -> None:
    assert outlived.states_before == {CredentialsState.TRUSTED}


def test_picture_without_a_stamp_ends_with_its_certificate(outlived: Outlived) -> None:
    state = CredentialsReader(outlived.anchors).read(outlived.plain).state
    assert state is CredentialsState.INVALID


@needs_openssl
def test_picture_with_a_stamp_outlives_its_certificate(outlived: Outlived) -> None:
    assert outlived.stamped is not None
    credentials = CredentialsReader(outlived.anchors).read(outlived.stamped)
    assert credentials.state is CredentialsState.TRUSTED
    assert credentials.is_stamped


@needs_openssl
def test_stamp_of_an_unknown_authority_releases_nothing(url: str) -> None:
    issued = issue()
    with pytest.raises(ProvenanceUnavailable):  # it would end with its certificate, unnoticed
        sign(issued, Anchors(issued.root, timestamps=issue().root), url)


def test_authority_that_cannot_be_reached_releases_nothing() -> None:
    issued = issue()
    with pytest.raises(ProvenanceUnavailable):
        sign(issued, Anchors(issued.root, timestamps=issue().root), NOBODY)


def test_stamps_cannot_be_asked_for_if_nobodys_are_trusted() -> None:
    issued = issue()
    with pytest.raises(KeysError, match=r"timestamp_anchors\.pem is missing"):
        sign(issued, Anchors(issued.root), NOBODY)


def test_who_may_stamp_the_time_may_not_sign_pictures() -> None:
    impostor = issue()
    anchors = Anchors(issue().root, timestamps=impostor.root)
    file = signer_of(impostor).sign(encoded(), OutputFormat.PNG, statement())
    assert CredentialsReader(anchors).read(file).state is CredentialsState.UNTRUSTED
