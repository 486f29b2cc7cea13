"""The self-attesting issuer: the owner of a keys folder, saying "I am this person, or I asked".

Its two files may be deleted, where nobody is to attest anything.
"""

from pathlib import Path

from instantid_server.contract import ConsentLevel
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import ISSUERS_FOLDER
from instantid_server.trust.private_file import write_private

SELF_ISSUER = "self"
ATTESTATION_FILE = "attestation.pem"  # the private half

_PAGE = f"{ISSUERS_FOLDER}/{SELF_ISSUER}.toml"
_MAX_DAYS = 1


def make_self_issuer(folder: Path) -> list[str]:
    """Add a new one to a keys folder that has no issuers; return the names of its files."""
    key = IssuerKey.new(SELF_ISSUER)
    (folder / ISSUERS_FOLDER).mkdir(mode=0o700)
    write_private(folder / ATTESTATION_FILE, key.to_pem())
    write_private(folder / _PAGE, key.to_page(ConsentLevel.SELF_ATTESTED, _MAX_DAYS))
    return [ATTESTATION_FILE, _PAGE]
