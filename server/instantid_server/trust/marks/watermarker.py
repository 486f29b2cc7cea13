"""The watermarker: what puts a mark into pixels and finds it there again."""

from typing import Protocol

from instantid_server.images import RGB
from instantid_server.trust.marks.detection import Detection


class Watermarker(Protocol):
    """A kind of mark; one object serves many threads."""

    @property
    def name(self) -> str:
        """The algorithm, as the manifest's soft binding calls it."""
        ...

    def embed(self, image: RGB, record_id: str) -> RGB:
        """Return a copy of `image` that carries the first 32 bits of `record_id`."""
        ...

    def detect(self, image: RGB) -> Detection:
        """Return what mark `image` holds."""
        ...
