"""An audit log as a server writes it, for attacks on it and to time it."""

from dataclasses import dataclass
from pathlib import Path

from instantid_server.contract import ConsentLevel
from instantid_server.errors import RefusedPolicy
from instantid_server.serving.record_book import RecordBook
from instantid_server.trust.audit.checkpoints import checkpoints_path
from instantid_server.trust.audit.decision import (
    ConsentNote,
    RefusalRecord,
    RequestNote,
    new_record_id,
    timestamp,
)
from instantid_server.trust.audit.inspection import Finding, inspect_log
from instantid_server.trust.keys import Keys
from instantid_server.trust.picture_record import PictureRecord

TENANT = "studio"
POLICY = "a1" * 32
CHECKPOINT_EVERY = 100
REQUEST = RequestNote("request", "c0" * 32, ConsentNote(ConsentLevel.VERIFIED, "id", "issuer"))


@dataclass(frozen=True)
class WrittenLog:
    """A log that nobody writes at the moment."""

    path: Path
    keys: Keys

    @property
    def checkpoints(self) -> Path:
        """Where its checkpoints are."""
        return checkpoints_path(self.path)

    def open(self) -> RecordBook:
        """Return the book as a server opens it; raises ServingFailure."""
        return RecordBook(self.path, self.keys, CHECKPOINT_EVERY)

    def append(self, pictures: int) -> None:
        """Do as a server that releases so many pictures, refuses one request, and ends."""
        book = self.open()
        for _ in range(pictures):
            book.release([picture_record()], REQUEST)
        book.refuse(RefusalRecord.of(RefusedPolicy(reason="protected"), TENANT, POLICY), REQUEST)
        book.close()

    def lines(self) -> list[bytes]:
        """Return its lines."""
        return self.path.read_bytes().splitlines(keepends=True)

    def rewrite(self, lines: list[bytes]) -> None:
        """Do what the log should show."""
        self.path.write_bytes(b"".join(lines))

    def inspect(self, *earlier: Path, checkpoints: Path | None = None, first: int = 1) -> Finding:
        """Return what an inspection finds; raises BrokenLog."""
        key = self.keys.audit_signing.public_key()
        return inspect_log([*earlier, self.path], checkpoints or self.checkpoints, key, first)


def picture_record() -> PictureRecord:
    """Return the record of a picture that nobody made."""
    return PictureRecord(
        record_id=new_record_id(),
        time=timestamp(),
        tenant=TENANT,
        seed=7,
        noise_key_version=1,
        num_inference_steps=30,
        latent_channels=4,
        latent_height=128,
        latent_width=128,
        width=1024,
        height=1024,
        output_format="png",
        sha256="5e" * 32,
        perceptual_hash="0f" * 32,
        checker="none",
        policy=POLICY,
    )
