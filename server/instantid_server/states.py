"""What consent, credentials, mark and record of a picture can be, in the words of answers."""

from enum import StrEnum


class CredentialsState(StrEnum):
    """What the signed credentials of a picture are worth."""

    TRUSTED = "trusted"  # whole, and signed by a certificate that this server trusts
    UNTRUSTED = "untrusted"  # whole, but signed by somebody else
    INVALID = "invalid"  # the picture or its credentials were changed since
    NONE = "none"


class MarkState(StrEnum):
    """Whether a picture holds this server's pixel mark."""

    OURS = "ours"
    INCONCLUSIVE = "inconclusive"
    NONE = "none"


class RecordState(StrEnum):
    """Whether a picture is the one that was recorded when it was made."""

    MATCH = "match"
    MISMATCH = "mismatch"  # its id belongs to another picture
    UNKNOWN = "unknown"


class ConsentLevel(StrEnum):
    """Who says that the person on the photo agrees."""

    VERIFIED = "verified"  # somebody whose business it is to ask
    SELF_ATTESTED = "self_attested"  # the caller
    NONE = "none"  # nobody; the policy does not demand it
