"""The demo's issuer: who consents for the persons that this project drew, and who are nobody.

`python -m scripts.demo_consents` makes a new key, signs a consent for each portrait in `tests/data`
and forgets the key, so that nobody can ever consent to another photo in this name.
"""

from instantid_server.contract import ConsentLevel
from instantid_server.trust.consent.issuers import DEMO_ISSUER, Issuer, read_public_key

_PUBLIC_KEY = "PcXF5ws4Sk3A9kTAaNZZqDH/mkNqkz3LtTbbEhqrTz4="


def demo_issuer() -> Issuer:
    """Return the issuer; self-attested, for it is the project that says so of its own pictures."""
    key = read_public_key(_PUBLIC_KEY)
    return Issuer(DEMO_ISSUER, key, ConsentLevel.SELF_ATTESTED, max_days=None, photos_only=True)
