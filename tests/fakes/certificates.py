"""Signing certificates of every kind, good and bad, under a root of a test's own."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

EMAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
TIME_STAMPS = ExtendedKeyUsageOID.TIME_STAMPING
CLAIMS = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")


@dataclass(frozen=True)
class Leaf:
    """A signing certificate, as a test wants it."""

    purposes: tuple[x509.ObjectIdentifier, ...] = (EMAIL,)
    purposes_critical: bool = False
    usages: tuple[str, ...] | None = ("digital_signature",)  # None: the extension is left out
    is_authority: bool = False
    names_issuer: bool = True
    starts: timedelta = timedelta(hours=-1)  # from now
    ends: timedelta = timedelta(days=1)
    new_key: Callable[[], PrivateKey] = lambda: ec.generate_private_key(ec.SECP256R1())
    shown: int = 2  # links of the chain: the leaf, the issuing authority


@dataclass(frozen=True)
class Issued:
    """A root, a chain below it, and the key of the chain's leaf, in PEM."""

    root: str
    chain: str
    key: str


_GOOD = Leaf()
_AUTHORITY = Leaf(
    purposes=(),
    usages=("key_cert_sign", "crl_sign"),
    is_authority=True,
    starts=timedelta(days=-30),
    ends=timedelta(days=30),
)


def issue(leaf: Leaf = _GOOD) -> Issued:
    """Return a leaf below an issuing authority below a root, all of them new."""
    root_key, authority_key, leaf_key = _p256(), _p256(), leaf.new_key()
    root = _certificate("root", root_key, "root", root_key, _AUTHORITY)
    authority = _certificate("authority", authority_key, "root", root_key, _AUTHORITY)
    signer = _certificate("signer", leaf_key, "authority", authority_key, leaf)
    chain = [_pem(signer), _pem(authority)][: leaf.shown]
    return Issued(_pem(root), "".join(chain), key_pem(leaf_key))


def key_pem(key: PrivateKey) -> str:
    """Return a private key in PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _p256() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate(
    subject: str,
    subject_key: PrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    leaf: Leaf,
) -> x509.Certificate:
    now = datetime.now(UTC)
    draft = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(subject_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + leaf.starts)
        .not_valid_after(now + leaf.ends)
        .add_extension(x509.BasicConstraints(leaf.is_authority, path_length=None), critical=True)
    )
    if leaf.names_issuer:
        of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
        draft = draft.add_extension(of_issuer, critical=False)
    if leaf.usages is not None:
        granted = {name: name in leaf.usages for name in _USAGES}
        draft = draft.add_extension(x509.KeyUsage(**granted), critical=True)
    if leaf.purposes:
        draft = draft.add_extension(
            x509.ExtendedKeyUsage(leaf.purposes), critical=leaf.purposes_critical
        )
    return draft.sign(issuer_key, hashes.SHA256())


_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()
