"""Credentials under attack: `python -m scripts.provenance.credentials` prints what comes of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
from skimage.data import astronaut

from instantid_server.contract import (
    DEFAULT_OUTPUT_QUALITY,
    ConsentLevel,
    CredentialsState,
    OutputFormat,
)
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.encoding import encode_labelled
from instantid_server.trust.manifest import Statement
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.signing import PictureSigner
from instantid_server.trust.signing_key import local_key
from instantid_server.trust.test_chain import make_chain
from scripts.provenance.attacker import name_address, self_signed
from scripts.provenance.bait import bait
from scripts.provenance.forgeries import forge, outlive
from scripts.provenance.tail import tail_ms
from scripts.provenance.tampering import changed_files

_CHANGES, _QUICK_CHANGES = 1000, 60
_ROUNDS, _QUICK_ROUNDS = 15, 5
_SIDE_PX = 256  # of the attacked pictures; what attacks achieve does not depend on it


TAMPERING = "one byte of the pixels changed"
ADDRESS = "address of credentials in the file"


@dataclass(frozen=True)
class Attack:
    """One kind of attack on files of one format: what the files read as, and who was asked."""

    name: str
    output_format: OutputFormat
    states: Counter[CredentialsState]
    requests: int = 0


class Attacks:
    """Everything that is tried on a picture of one server; each format is attacked alike."""

    def __init__(self, changes: int) -> None:
        chain = make_chain(datetime.now(UTC))
        anchors = Anchors(chain.root)
        self._signer = PictureSigner(local_key(chain.certificates, chain.key), anchors)
        self._reader = CredentialsReader(anchors)
        self._statement = Statement(
            "0123456789abcdef" * 2, datetime.now(UTC), "none", "0" * 64, ConsentLevel.NONE
        )
        self._changes = changes

    def on(self, output_format: OutputFormat) -> Iterator[Attack]:
        """Yield the attacks on one format."""
        ours, other = _encoded(output_format, turns=0), _encoded(output_format, turns=1)
        signed = self._signer.sign(ours, output_format, self._statement)
        changed = changed_files(signed, output_format, self._changes)
        yield self._read(TAMPERING, output_format, *changed)
        forgeries = forge(signed, other, output_format, self._statement)
        for name, file in forgeries.items():
            yield self._read(name, output_format, file)
        ended = outlive(ours, output_format, self._statement)
        yield Attack("certificate ended, no time stamp", output_format, Counter([ended]))
        yield self._lure(other, output_format)

    def _read(self, name: str, output_format: OutputFormat, *files: bytes) -> Attack:
        states = Counter(self._reader.read(file).state for file in files)
        return Attack(name, output_format, states)

    def _lure(self, encoded: bytes, output_format: OutputFormat) -> Attack:
        with bait() as server:
            file = name_address(self_signed(), encoded, output_format, self._statement, server.url)
            read = self._read(ADDRESS, output_format, file)
            return replace(read, requests=server.requests)


def measure(quick: bool) -> dict[str, float | int]:
    """Return what attacks achieve, and what it takes to mark, encode and sign a picture."""
    rounds = _QUICK_ROUNDS if quick else _ROUNDS
    return _figures(_attack(_QUICK_CHANGES if quick else _CHANGES)) | {
        f"tail_{output_format}_ms": tail_ms(output_format, rounds) for output_format in OutputFormat
    }


def _attack(changes: int) -> list[Attack]:
    attacks = Attacks(changes)
    return [attack for output_format in OutputFormat for attack in attacks.on(output_format)]


def _figures(attacks: Sequence[Attack]) -> dict[str, float | int]:
    tampering = [attack.states for attack in attacks if attack.name == TAMPERING]
    return {
        "tamper_tried": sum(map(Counter.total, tampering)),
        "tamper_missed": sum(
            states.total() - states[CredentialsState.INVALID] for states in tampering
        ),
        "forgeries_tried": sum(attack.name != TAMPERING for attack in attacks),
        "forgeries_trusted": sum(attack.states[CredentialsState.TRUSTED] for attack in attacks),
        "ssrf_requests": sum(attack.requests for attack in attacks),
    }


def _encoded(output_format: OutputFormat, turns: int) -> bytes:
    image = np.rot90(astronaut()[:_SIDE_PX, :_SIDE_PX], turns)
    return encode_labelled(np.ascontiguousarray(image), output_format, DEFAULT_OUTPUT_QUALITY)


def main() -> None:
    """Print every attack and what the pictures read as."""
    for attack in _attack(_CHANGES):
        outcome = ", ".join(f"{state} {count}" for state, count in attack.states.items())
        asked = f", {attack.requests} requests" if attack.name == ADDRESS else ""
        print(f"{attack.name:36} {attack.output_format:5} {outcome}{asked}")


if __name__ == "__main__":
    main()
