"""The key that signs checkpoints: its private half signs here, its public half checks anywhere."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)


class CheckpointKeyError(ValueError):
    """A file holds no such key; nothing of it is told."""


def new_checkpoint_key() -> str:
    """Return a new private key in PEM."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def read_checkpoint_key(pem: bytes) -> Ed25519PrivateKey:
    """Return the private key of a PEM file; raises CheckpointKeyError."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it has a passphrase
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointKeyError("expected an Ed25519 private key in PEM without passphrase")
    return key


def read_public_key(pem: bytes) -> Ed25519PublicKey:
    """Return the public key of a PEM file; raises CheckpointKeyError."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointKeyError("expected an Ed25519 public key in PEM")
    return key
