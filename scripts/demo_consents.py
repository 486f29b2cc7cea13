"""The consents of the drawn persons: one beside each picture of `tests/data`, by a new demo issuer.

`python -m scripts.demo_consents` writes them and the issuer's public key into demo.py, and forgets
the private one. It has to run again whenever the pictures change, or the consents are of others.
"""

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from instantid_server.trust.consent import demo
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import DEMO_ISSUER
from instantid_server.trust.consent.issuing import Grant, issue, photo_digest
from scripts.reports import ROOT

_BEGINS = datetime(2026, 1, 1, tzinfo=UTC)  # not today: clocks elsewhere may be late
_ENDS = datetime(2036, 1, 1, tzinfo=UTC)
_KEY_LINE = re.compile(r'^_PUBLIC_KEY = ".*"$', re.MULTILINE)


def main() -> int:
    """Write the consents and the key."""
    key = IssuerKey.new(DEMO_ISSUER)
    for photo in sorted((ROOT / "tests" / "data").glob("*.png")):
        grant = Grant(
            subject=f"drawn-{photo.stem}",
            photo_digests=[photo_digest(photo.read_bytes())],
            lasts=_ENDS - _BEGINS,
        )
        photo.with_name(f"{photo.name}.consent").write_text(issue(grant, key, _BEGINS) + "\n")
    page = Path(demo.__file__)
    page.write_text(_KEY_LINE.sub(f'_PUBLIC_KEY = "{key.public_text()}"', page.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
