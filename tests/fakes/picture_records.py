"""Records of pictures that nobody made, and of who agreed to them."""

from dataclasses import replace

from instantid_server.contract import ConsentLevel
from instantid_server.trust.audit.decision import ConsentNote, RefusalRecord, RequestNote
from instantid_server.trust.picture_record import PictureRecord

_RECORD = PictureRecord(
    record_id="0123456789abcdef0123456789abcdef",
    time="2026-01-02T03:04:05.678+00:00",
    tenant="studio",
    seed=-7,
    noise_key_version=1,
    num_inference_steps=30,
    latent_channels=12,
    latent_height=16,
    latent_width=16,
    width=128,
    height=128,
    output_format="png",
    sha256="5e" * 32,
    perceptual_hash="0f" * 32,
    checker="none",
    policy="a1" * 32,
)
NOBODY = RequestNote("request", "", ConsentNote(ConsentLevel.NONE))
REFUSAL = RefusalRecord(
    record_id="fedcba9876543210fedcba9876543210",
    time="2026-01-02T03:04:05.678+00:00",
    tenant="studio",
    policy="a1" * 32,
    code="REFUSED_POLICY",
    reason="protected",
)


def record_of(
    record_id: str = _RECORD.record_id,
    *,
    seed: int = _RECORD.seed,
    perceptual_hash: str = _RECORD.perceptual_hash,
    tenant: str = _RECORD.tenant,
) -> PictureRecord:
    """Return a record; what is not given is always the same."""
    return replace(
        _RECORD, record_id=record_id, seed=seed, perceptual_hash=perceptual_hash, tenant=tenant
    )


def agreed_by(
    subject: str,
    *,
    consent_id: str = "consent",
    issuer: str = "issuer",
    max_uses: int | None = None,
) -> RequestNote:
    """Return what is noted of a request with a person's consent."""
    consent = ConsentNote(ConsentLevel.VERIFIED, consent_id, issuer, subject, max_uses)
    return replace(NOBODY, consent=consent)
