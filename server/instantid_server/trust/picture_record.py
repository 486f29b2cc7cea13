"""A picture's record: what the server keeps of one that it released, and nothing of a face."""

from dataclasses import asdict, dataclass, fields
from typing import Any

_MARK_ID_DIGITS = 8  # of the record id's 32: as many as the pixel mark has room for


@dataclass(frozen=True)
class PictureRecord:
    """Enough to recognise the picture, and to draw the noise again that it was made from."""

    record_id: str  # 32 hexadecimal digits, random
    time: str  # ISO 8601, UTC
    tenant: str
    seed: int
    noise_key_version: int
    num_inference_steps: int  # ancestral schedulers draw noise at each
    latent_channels: int
    latent_height: int
    latent_width: int
    width: int
    height: int
    output_format: str
    sha256: str  # of the file as it was released
    perceptual_hash: str  # of its pixels, hexadecimal
    checker: str  # what judged the picture; "none": nobody looked
    policy: str  # digest of the policy in force

    def to_fields(self) -> dict[str, Any]:
        """Return the record for a message."""
        return asdict(self)

    @classmethod
    def from_fields(cls, values: dict[str, Any]) -> "PictureRecord":
        """Return the record of a message or a line; raises KeyError or ValueError."""
        record = cls(**{item.name: item.type(values[item.name]) for item in fields(cls)})  # type: ignore[operator]  # str and int
        mark_id_of(record.record_id)
        return record


def mark_id_of(record_id: str) -> int:
    """Return the 32 bits of a record id that the pixel mark carries; raises ValueError."""
    return int(record_id[:_MARK_ID_DIGITS], 16)
