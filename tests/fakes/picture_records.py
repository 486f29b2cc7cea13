"""Records of pictures that nobody made."""

from dataclasses import replace

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


def record_of(
    record_id: str = _RECORD.record_id, *, seed: int = _RECORD.seed, perceptual_hash: str = ""
) -> PictureRecord:
    """Return a record; what is not given is always the same."""
    chosen = perceptual_hash or _RECORD.perceptual_hash
    return replace(_RECORD, record_id=record_id, seed=seed, perceptual_hash=chosen)
