"""The key that signs the registry: private with the operator, its public half pinned here."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from instantid_server.trust.protected.registry import RegistryError

PIN_FILE = "registry_key.pub"  # in the keys folder of the server


def private_text(key: Ed25519PrivateKey) -> str:
    """Return the private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def pin_text(key: Ed25519PrivateKey) -> str:
    """Return the public half in PEM, as it is pinned."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private(path: Path) -> Ed25519PrivateKey:
    """Return the operator's key; raises RegistryError, or OSError without a file."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):  # TypeError: it has a passphrase
        key = None
    if not isinstance(key, Ed25519PrivateKey):  # not inside `except`, whose error quotes the file
        raise RegistryError("the registry's key is not an Ed25519 key in PEM without passphrase")
    return key


def read_pin(keys_folder: Path) -> Ed25519PublicKey:
    """Return the pinned key; raises RegistryError."""
    try:
        key = load_pem_public_key((keys_folder / PIN_FILE).read_bytes())
    except FileNotFoundError as error:
        raise RegistryError(
            f"the keys folder has no {PIN_FILE}, which says who may sign the registry"
        ) from error
    except (ValueError, OSError):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise RegistryError(f"{PIN_FILE} is not an Ed25519 public key in PEM")
    return key
