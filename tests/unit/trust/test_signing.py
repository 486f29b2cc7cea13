"""Signing: which certificates it takes, what it says of a picture, and that it fails closed."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from c2pa import Reader
from certificates import CLAIMS, DOCUMENTS, Leaf, issue
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from PIL import Image
from signed_pictures import (
    RECORD_ID,
    encoded,
    our_chain,
    our_reader,
    our_signer,
    signed,
    signer_of,
    statement,
)

from instantid_server import __version__
from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.errors import ProvenanceUnavailable
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.c2pa_context import make_context
from instantid_server.trust.encoding import MIME_TYPES
from instantid_server.trust.manifest import RECORD_LABEL
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.signing import PictureSigner
from instantid_server.trust.signing_key import KeyService, local_key

each_format = pytest.mark.parametrize("output_format", OutputFormat)
SERVER_AUTH = ExtendedKeyUsageOID.SERVER_AUTH
ANY_PURPOSE = x509.ObjectIdentifier("2.5.29.37.0")
MARK = "io.github.instantid-triton.spectrum"


def manifest_of(file: bytes, output_format: OutputFormat = OutputFormat.PNG) -> dict[str, Any]:
    """Return the active manifest, as anybody may read it."""
    context = make_context(Anchors(our_chain().root))
    with Reader(MIME_TYPES[output_format], BytesIO(file), context=context) as reader:
        manifest: dict[str, Any] = reader.get_active_manifest()
    return manifest


def assertion(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    (data,) = [one["data"] for one in manifest["assertions"] if one["label"] == label]
    return dict(data)


@each_format
def test_signed_picture_is_trusted_and_names_its_record(output_format: OutputFormat) -> None:
    credentials = our_reader().read(signed(output_format))
    assert credentials.state is CredentialsState.TRUSTED
    assert credentials.record_id == RECORD_ID


@each_format
def test_signing_changes_no_pixel_and_keeps_the_plain_words(output_format: OutputFormat) -> None:
    before, after = encoded(output_format), signed(output_format)
    pixels = [np.asarray(Image.open(BytesIO(file))) for file in (before, after)]
    np.testing.assert_array_equal(*pixels)
    assert b"digitalsourcetype/trainedAlgorithmicMedia" in Image.open(BytesIO(after)).info["xmp"]


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(Leaf(), id="email"),
        pytest.param(Leaf(purposes=(DOCUMENTS,)), id="documents"),
        pytest.param(Leaf(purposes=(CLAIMS,)), id="claims"),
        pytest.param(Leaf(usages=("digital_signature", "content_commitment")), id="contracts-too"),
        pytest.param(Leaf(new_key=lambda: ec.generate_private_key(ec.SECP384R1())), id="P-384"),
        pytest.param(Leaf(new_key=ed25519.Ed25519PrivateKey.generate), id="Ed25519"),
        pytest.param(Leaf(new_key=lambda: rsa.generate_private_key(65537, 2048)), id="RSA-2048"),
    ],
)
def test_certificate_for_signing_is_taken(leaf: Leaf) -> None:
    issued = issue(leaf)
    file = signer_of(issued).sign(encoded(), OutputFormat.PNG, statement())
    assert CredentialsReader(Anchors(issued.root)).read(file).state is CredentialsState.TRUSTED


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(Leaf(purposes=(SERVER_AUTH,)), id="web-server"),
        pytest.param(Leaf(purposes=(ANY_PURPOSE,)), id="any-purpose"),
        pytest.param(Leaf(purposes=()), id="no-purpose"),
        pytest.param(Leaf(usages=None), id="no-key-usage"),
        pytest.param(Leaf(usages=("key_encipherment",)), id="not-for-signatures"),
        pytest.param(Leaf(is_authority=True), id="authority"),
        pytest.param(Leaf(names_issuer=False), id="no-issuer"),
        pytest.param(Leaf(ends=timedelta(minutes=-1)), id="ended"),
        pytest.param(Leaf(starts=timedelta(hours=1)), id="not-yet-valid"),
        pytest.param(Leaf(shown=1), id="without-its-issuer"),
        pytest.param(Leaf(new_key=lambda: rsa.generate_private_key(65537, 1024)), id="RSA-1024"),
    ],
)
def test_other_certificate_releases_nothing(leaf: Leaf) -> None:
    with pytest.raises(ProvenanceUnavailable):
        signer_of(issue(leaf)).sign(encoded(), OutputFormat.PNG, statement())


def test_root_that_is_not_an_anchor_releases_nothing() -> None:
    stranger = issue()
    signer = PictureSigner(local_key(stranger.chain, stranger.key), Anchors(our_chain().root))
    with pytest.raises(ProvenanceUnavailable):
        signer.sign(encoded(), OutputFormat.PNG, statement())


def test_manifest_says_that_a_model_made_the_picture_and_with_what() -> None:
    (created,) = assertion(manifest_of(signed()), "c2pa.actions.v2")["actions"]
    assert created["action"] == "c2pa.created"
    assert created["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert created["softwareAgent"] == {"name": "instantid-triton", "version": __version__}
    assert created["when"] == "2026-01-02T03:04:05+00:00"


def test_manifest_has_the_record_and_nothing_else_of_ours() -> None:
    assert assertion(manifest_of(signed()), RECORD_LABEL) == {
        "record_id": RECORD_ID,
        "checker": "clip sha256:1a2b3c4d",
        "consent_level": "verified",
        "policy": "f" * 64,
    }


def test_manifest_keeps_the_picture_from_those_who_train_on_pictures() -> None:
    entries = assertion(manifest_of(signed()), "cawg.training-mining")["entries"]
    assert {entry["use"] for entry in entries.values()} == {"notAllowed"}


def test_portrait_is_named_as_withheld_and_nothing_of_it_is_there() -> None:
    (ingredient,) = manifest_of(signed())["ingredients"]
    assert ingredient["title"] == "reference portrait (withheld)"
    assert ingredient["relationship"] == "inputTo"
    assert ingredient.keys().isdisjoint({"thumbnail", "hash", "data", "format", "document_id"})


@each_format
def test_no_thumbnail_is_embedded(output_format: OutputFormat) -> None:
    file = signed(output_format)
    assert "thumbnail" not in json.dumps(manifest_of(file, output_format))
    assert b"thumbnail" not in file


def test_two_pictures_of_one_person_share_no_number() -> None:
    manifests = [
        manifest_of(
            our_signer().sign(
                encoded(seed=seed), OutputFormat.PNG, replace(statement(), record_id=f"{seed:032x}")
            )
        )
        for seed in (1, 2)
    ]
    ids = [{manifest["label"], manifest["instance_id"]} for manifest in manifests]
    assert ids[0].isdisjoint(ids[1])


def test_mark_is_bound_to_the_credentials() -> None:
    manifest = manifest_of(our_signer().sign(encoded(), OutputFormat.PNG, statement(MARK)))
    actions = assertion(manifest, "c2pa.actions.v2")["actions"]
    assert [action["action"] for action in actions] == ["c2pa.created", "c2pa.watermarked.bound"]
    binding = assertion(manifest, "c2pa.soft-binding")
    assert binding["alg"] == MARK
    assert [block["value"] for block in binding["blocks"]] == [RECORD_ID[:8]]


def service(answer: Callable[[bytes], bytes]) -> PictureSigner:
    """Return a signer that asks a key service, which holds our key."""
    key = KeyService(our_chain().chain, "ES256", answer)
    return PictureSigner(key, Anchors(our_chain().root))


def sign_with_our_key(content: bytes) -> bytes:
    private = load_pem_private_key(our_chain().key.encode(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return private.sign(content, ec.ECDSA(hashes.SHA256()))


def test_key_service_signs_like_a_local_key() -> None:
    file = service(sign_with_our_key).sign(encoded(), OutputFormat.PNG, statement())
    assert our_reader().read(file).state is CredentialsState.TRUSTED


@pytest.mark.parametrize(
    "answer", [b"", b"no signature", b"\0" * 64], ids=["none", "text", "zeros"]
)
def test_key_service_that_does_not_sign_releases_nothing(answer: bytes) -> None:
    with pytest.raises(ProvenanceUnavailable) as raised:
        service(lambda content: answer).sign(encoded(), OutputFormat.PNG, statement())
    assert str(raised.value) == "[PROVENANCE_UNAVAILABLE] the picture could not be signed"


def test_many_threads_sign_with_one_signer() -> None:
    def sign(seed: int) -> CredentialsState:
        file = our_signer().sign(encoded(seed=seed), OutputFormat.PNG, statement())
        return our_reader().read(file).state

    with ThreadPoolExecutor(16) as threads:
        states = list(threads.map(sign, range(64)))
    assert set(states) == {CredentialsState.TRUSTED}
