"""The detection of a mark: all that a watermarker tells of a picture."""

from dataclasses import dataclass

from instantid_server.contract import MarkState


@dataclass(frozen=True)
class Detection:
    """Whether a picture holds a mark of ours; only then, which picture and which key it names."""

    state: MarkState
    mark_id: int | None = None  # the first 32 bits of the record id
    key_version: int | None = None  # None too where a kind of mark has no key
