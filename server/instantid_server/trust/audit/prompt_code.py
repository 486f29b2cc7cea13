"""A prompt's code: whoever has the key and a text can tell whether a record's prompt was that."""

import hashlib
import hmac
import unicodedata


def prompt_code(key: bytes, prompt: str) -> str:
    """Return the code of a prompt, in which case, width and spaces make no difference."""
    words = unicodedata.normalize("NFKC", prompt).casefold().split()
    return hmac.new(key, b"prompt\n" + " ".join(words).encode(), hashlib.sha256).hexdigest()
