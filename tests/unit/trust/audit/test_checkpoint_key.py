"""The key of checkpoints, in the keys folder and as the public half that others check with."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from instantid_server.trust.audit.checkpoint_key import (
    CheckpointKeyError,
    new_checkpoint_key,
    read_checkpoint_key,
    read_public_key,
)
from instantid_server.trust.keys import AUDIT_SIGNING_FILE, Keys, KeysError, make_test_keys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    make_test_keys(folder)
    return folder


def test_public_half_checks_what_the_private_half_signed() -> None:
    key = read_checkpoint_key(new_checkpoint_key().encode())
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    read_public_key(pem).verify(key.sign(b"content"), b"content")


def test_keys_folder_without_it_is_refused(folder: Path) -> None:
    (folder / AUDIT_SIGNING_FILE).unlink()
    with pytest.raises(KeysError, match=f"no {AUDIT_SIGNING_FILE}; `instantid keys upgrade`"):
        Keys.load(folder)


def test_keys_folder_with_something_else_in_its_place_is_refused(folder: Path) -> None:
    (folder / AUDIT_SIGNING_FILE).write_text((folder / "signing_key.pem").read_text())
    with pytest.raises(KeysError, match=f"{AUDIT_SIGNING_FILE}: expected an Ed25519 private key"):
        _ = Keys.load(folder).audit_signing


def test_private_key_is_no_public_key() -> None:
    with pytest.raises(CheckpointKeyError, match="Ed25519 public key"):
        read_public_key(new_checkpoint_key().encode())
