"""What signs: a private key of this machine, or a key service that never gives its key away."""

import importlib
import logging
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

logger = logging.getLogger(__name__)

_EC_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384"}


@dataclass(frozen=True)
class LocalKey:
    """A private key, and the chain of its certificate."""

    chain: str = field(repr=False)  # PEM, the key's own certificate first
    algorithm: str  # C2PA's name: ES256, ES384, ED25519 or PS256
    pem: str = field(repr=False)


@dataclass(frozen=True)
class KeyService:
    """Whoever signs for us, and the chain of the certificate."""

    chain: str = field(repr=False)
    algorithm: str
    sign: Callable[[bytes], bytes] = field(repr=False)  # an empty answer: it could not


SigningKey: TypeAlias = LocalKey | KeyService


def local_key(chain: str, pem: str) -> LocalKey:
    """Return the key of a PEM file; raises ValueError."""
    try:
        public = load_pem_private_key(pem.encode(), password=None).public_key()
    except (ValueError, TypeError):  # TypeError: it has a passphrase
        raise ValueError("the signing key is not a private key in PEM without passphrase") from None
    if public != _public_key(chain):
        raise ValueError("the signing key is not that of the first certificate of the chain")
    return LocalKey(chain, _algorithm(chain), pem)


def key_service(chain: str, page: str) -> KeyService:
    """Return the service that a TOML page names: a function, bytes to their signature.

    Raises ValueError. What the function raises is logged by its kind alone.
    """
    try:
        module, _, function = tomllib.loads(page)["signing"]["service"].partition(":")
        service = getattr(importlib.import_module(module), function)
    except ImportError as error:
        raise ValueError(f"the key service cannot be imported: no {error.name}") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            'the key service: expected [signing] and service = "package.module:function"'
        ) from error
    return KeyService(chain, _algorithm(chain), _guarded(service))


def _guarded(service: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def sign(content: bytes) -> bytes:
        try:
            return service(content)
        except Exception as error:  # whatever a service raises; its text may hold a secret
            logger.error("the key service failed: %s", type(error).__name__)
            return b""

    return sign


def _algorithm(chain: str) -> str:
    public = _public_key(chain)
    if isinstance(public, ec.EllipticCurvePublicKey) and public.curve.name in _EC_ALGORITHMS:
        return _EC_ALGORITHMS[public.curve.name]
    if isinstance(public, ed25519.Ed25519PublicKey):
        return "ED25519"
    if isinstance(public, rsa.RSAPublicKey):
        return "PS256"
    raise ValueError("the signing key is of a kind that C2PA does not sign with")


def _public_key(chain: str) -> object:
    try:
        return x509.load_pem_x509_certificates(chain.encode())[0].public_key()
    except ValueError:
        raise ValueError("the signing chain holds no certificates in PEM") from None
