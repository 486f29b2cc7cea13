"""An attacker's hand: signs whatever he likes with whatever key he has."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

from c2pa import Builder, C2paBuilderIntent, C2paSignerInfo, C2paSigningAlg, Context, Signer
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from instantid_server.contract import OutputFormat
from instantid_server.trust.encoding import MIME_TYPES
from instantid_server.trust.manifest import Statement, manifest
from instantid_server.trust.test_chain import ORGANISATION, Chain

_HELPFUL = {"verify": {"verify_after_sign": False}, "builder": {"thumbnail": {"enabled": False}}}


def sign_as(
    chain: Chain, encoded: bytes, output_format: OutputFormat, statement: Statement
) -> bytes:
    """Return the picture with credentials that say what ours say."""
    builder = Builder(manifest(statement), context=Context.from_dict(_HELPFUL))
    return _sign(builder, chain, encoded, output_format)


def sign_over(chain: Chain, signed: bytes, output_format: OutputFormat) -> bytes:
    """Return a signed picture with credentials on top, in which ours become a part."""
    builder = Builder({}, context=Context.from_dict(_HELPFUL))
    builder.set_intent(C2paBuilderIntent.EDIT)
    return _sign(builder, chain, signed, output_format)


def name_address(
    chain: Chain, encoded: bytes, output_format: OutputFormat, statement: Statement, url: str
) -> bytes:
    """Return the picture without credentials, but with the address of some."""
    builder = Builder(manifest(statement), context=Context.from_dict(_HELPFUL))
    builder.set_no_embed()
    builder.set_remote_url(url)
    return _sign(builder, chain, encoded, output_format)


def self_signed() -> Chain:
    """Return a certificate that vouches for itself, in the name of our organisation."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)])
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    starts = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(starts + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(purposes, critical=False)
        .add_extension(issuer, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM).decode()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Chain(root=pem, certificates=pem, key=private)


def _sign(builder: Builder, chain: Chain, picture: bytes, output_format: OutputFormat) -> bytes:
    info = C2paSignerInfo(
        C2paSigningAlg.ES256, chain.certificates.encode(), chain.key.encode(), None
    )
    signed = BytesIO()
    builder.sign(Signer.from_info(info), MIME_TYPES[output_format], BytesIO(picture), signed)
    return signed.getvalue()
