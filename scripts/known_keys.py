"""Keys that everybody knows: of servers whose marks and noise are to be made again elsewhere.

Tests and benchmarks compare such a server's pictures with those of a pipeline of their own.
"""

from functools import cache
from pathlib import Path

from instantid_server.trust.keys import Keys, make_test_keys, upgrade_keys
from instantid_server.trust.marks.choice import make_watermarker
from instantid_server.trust.marks.watermarker import Watermarker
from instantid_server.trust.policy import Policy
from scripts.reports import ROOT

MARK_KEY = bytes(range(32))
NOISE_KEY = bytes(range(32, 64))


def make_known_keys(folder: Path) -> None:
    """Make a keys folder with a certificate of its own, and the known keys for marks and noise."""
    make_test_keys(folder)
    for name, key in (("mark", MARK_KEY), ("noise", NOISE_KEY)):
        (folder / f"{name}_1.key").write_text(f"{key.hex()}\n")


def known_keys_folder() -> Path:
    """Return this checkout's folder of known keys, which is made when it is first asked for."""
    folder = ROOT / "build" / "keys"
    if not folder.exists():
        make_known_keys(folder)
    upgrade_keys(folder)  # it may be of an earlier version of this checkout
    return folder


@cache
def known_mark() -> Watermarker:
    """Return what marks the pictures of a server with the known keys and the safe policy."""
    watermarker = make_watermarker(Policy().mark, Keys.load(known_keys_folder()))
    assert watermarker is not None
    return watermarker
