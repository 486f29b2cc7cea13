"""A test chain: root, issuing authority and signing certificate, which nobody outside trusts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ORGANISATION = "instantid-triton test"
CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")  # C2PA's own purpose of a key
DAYS = 397  # a little over a year, the longest that browsers accept of a server's certificate


@dataclass(frozen=True)
class Chain:
    """A chain in PEM."""

    root: str
    certificates: str  # without the root, the signing one first
    key: str = field(repr=False)


@dataclass(frozen=True)
class _Party:
    name: x509.Name
    key: ec.EllipticCurvePrivateKey = field(repr=False)


def make_chain(starts: datetime, lasts: timedelta = timedelta(days=DAYS)) -> Chain:
    """Return a chain of new P-256 keys under a root of its own, valid from `starts` on."""
    root, authority, signer = map(_new_party, ("root", "issuing authority", "signer"))
    top = _draft(root, root, starts, lasts)
    middle = _draft(authority, root, starts, lasts)
    bottom = _draft(signer, authority, starts, lasts)
    return Chain(
        root=_sign(_for_authority(top, path_length=1), root),
        certificates=_sign(_for_signer(bottom), authority)
        + _sign(_for_authority(middle, path_length=0), root),
        key=signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
    )


def _new_party(name: str) -> _Party:
    attributes = {NameOID.ORGANIZATION_NAME: ORGANISATION, NameOID.COMMON_NAME: name}
    return _Party(
        x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes.items()]),
        ec.generate_private_key(ec.SECP256R1()),
    )


def _draft(
    subject: _Party, issuer: _Party, starts: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    of_subject = x509.SubjectKeyIdentifier.from_public_key(subject.key.public_key())
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject.name)
        .issuer_name(issuer.name)
        .public_key(subject.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + lasts)
        .add_extension(of_subject, critical=False)
        .add_extension(of_issuer, critical=False)
    )


def _for_authority(draft: x509.CertificateBuilder, path_length: int) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    usage = _key_usage("key_cert_sign", "crl_sign")
    return draft.add_extension(constraints, critical=True).add_extension(usage, critical=True)


def _for_signer(draft: x509.CertificateBuilder) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=False, path_length=None)
    # E-mail beside C2PA's own purpose: validators that were not told of the latter know the former.
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION, CLAIM_SIGNING])
    return (
        draft.add_extension(constraints, critical=True)
        .add_extension(_key_usage("digital_signature"), critical=True)
        .add_extension(purposes, critical=False)
    )


def _key_usage(*granted: str) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in granted,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in granted,
        crl_sign="crl_sign" in granted,
        encipher_only=False,
        decipher_only=False,
    )


def _sign(draft: x509.CertificateBuilder, issuer: _Party) -> str:
    certificate = draft.sign(issuer.key, hashes.SHA256())
    return certificate.public_bytes(Encoding.PEM).decode()
