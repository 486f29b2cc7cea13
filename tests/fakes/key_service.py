"""A key service that signs until it is locked, and then says more than it should."""

from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

COMPLAINT = "token 0.1234567 of vault /opt/vault has expired"
_held: list[ec.EllipticCurvePrivateKey] = []


def take_over(folder: Path) -> None:
    """Take the signing key out of a keys folder, which then names this service."""
    file = folder / "signing_key.pem"
    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    _held[:] = [key]
    file.unlink()
    (folder / "keys.toml").write_text(f'[signing]\nservice = "{__name__}:sign"\n')


def lock() -> None:
    """Sign nothing from now on."""
    _held.clear()


def sign(content: bytes) -> bytes:
    """Return the signature, as the server asks for it."""
    if not _held:
        raise PermissionError(COMPLAINT)
    return _held[0].sign(content, ec.ECDSA(hashes.SHA256()))
