"""The anchors of trust: whose certificates may sign pictures here, and whose may stamp the time."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Anchors:
    """Root or issuing certificates, in PEM."""

    signers: str  # everybody below them is taken for this server
    timestamps: str = ""  # of time stamp authorities, who sign nothing but the time
