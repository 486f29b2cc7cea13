"""Signing: a statement goes into an encoded picture, and nothing comes out that is not trusted."""

import logging
from io import BytesIO

from c2pa import Builder, C2paError, C2paSignerInfo, C2paSigningAlg, Signer

from instantid_server.contract import CredentialsState, OutputFormat
from instantid_server.errors import ProvenanceUnavailable
from instantid_server.trust.anchors import Anchors
from instantid_server.trust.c2pa_context import make_context
from instantid_server.trust.encoding import MIME_TYPES
from instantid_server.trust.keys import Keys, KeysError
from instantid_server.trust.manifest import Statement, manifest
from instantid_server.trust.reading import CredentialsReader
from instantid_server.trust.signing_key import LocalKey, SigningKey

logger = logging.getLogger(__name__)


class PictureSigner:
    """Signs with one key; any thread may sign."""

    def __init__(self, key: SigningKey, anchors: Anchors, timestamp_url: str = "") -> None:
        """Open the key; an empty address asks for no time stamps.

        Raises KeysError if c2pa does not take the key, or nobody's time stamps would be trusted.
        """
        if timestamp_url and not anchors.timestamps:
            raise KeysError("time stamps are asked for, and timestamp_anchors.pem is missing")
        self._wants_stamp = bool(timestamp_url)
        self._context = make_context(anchors)
        self._reader = CredentialsReader(anchors)
        try:
            self._signer = _open(key, timestamp_url)
        except C2paError as error:
            raise KeysError(f"the signing key was refused: {error}") from error

    @classmethod
    def load(cls, keys: Keys, timestamp_url: str = "") -> "PictureSigner":
        """Return the signer of a keys folder; raises KeysError."""
        return cls(keys.signing, keys.anchors, timestamp_url)

    def sign(self, encoded: bytes, output_format: OutputFormat, statement: Statement) -> bytes:
        """Return the picture with its credentials.

        Raises ProvenanceUnavailable where the key, the key service or the time stamp authority
        does not do its part, or the outcome would not read as trusted.
        """
        signed = BytesIO()
        try:
            builder = Builder(manifest(statement), context=self._context)
            builder.sign(self._signer, MIME_TYPES[output_format], BytesIO(encoded), signed)
        except C2paError as error:
            logger.error("signing failed: %s", " ".join(str(error).split()))
            raise ProvenanceUnavailable("the picture could not be signed") from None
        self._check(signed.getvalue())
        return signed.getvalue()

    def _check(self, signed: bytes) -> None:
        credentials = self._reader.read(signed)
        if credentials.state is not CredentialsState.TRUSTED:
            logger.error("the signing chain does not end below trust_anchors.pem")
        elif self._wants_stamp and not credentials.is_stamped:
            logger.error("the time stamp's chain does not end below timestamp_anchors.pem")
        else:
            return
        raise ProvenanceUnavailable("the picture could not be signed")


def _open(key: SigningKey, timestamp_url: str) -> Signer:
    algorithm = C2paSigningAlg[key.algorithm]
    if isinstance(key, LocalKey):
        return Signer.from_info(
            C2paSignerInfo(algorithm, key.chain.encode(), key.pem.encode(), timestamp_url or None)
        )
    return Signer.from_callback(key.sign, algorithm, key.chain, timestamp_url or None)
