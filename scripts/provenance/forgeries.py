"""Forgeries: pictures that claim this server's credentials without its key."""

import time
from datetime import UTC, datetime, timedelta

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.manifest import Statement
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.test_chain import make_chain
from scripts.provenance.attacker import self_signed, sign_as, sign_over
from scripts.provenance.image_body import image_body, with_body

_BRIEFLY = timedelta(seconds=2)  # long enough to sign a small picture


def forge(
    ours: bytes, other: bytes, output_format: OutputFormat, statement: Statement
) -> dict[str, bytes]:
    """Return forgeries by name, from a picture signed by this server and one that is not."""
    impostor = make_chain(datetime.now(UTC))
    body = other[image_body(other, output_format)]
    return {
        "own root, same organisation": sign_as(impostor, other, output_format, statement),
        "certificate that signed itself": sign_as(self_signed(), other, output_format, statement),
        "signed over by another": sign_over(impostor, ours, output_format),
        "credentials on another picture": with_body(ours, output_format, body),
    }


def outlive(encoded: bytes, output_format: OutputFormat, statement: Statement) -> CredentialsState:
    """Return how a picture reads when the certificate of its signer has ended; no time stamp."""
    began_s = time.monotonic()
    chain = make_chain(datetime.now(UTC), _BRIEFLY)
    signed = sign_as(chain, encoded, output_format, statement)
    # Nothing tells when a certificate ends but the clock; its last second still counts.
    time.sleep(max(0.0, began_s + _BRIEFLY.total_seconds() + 1 - time.monotonic()))
    return CredentialsReader(Anchors(chain.root)).read(signed).state
