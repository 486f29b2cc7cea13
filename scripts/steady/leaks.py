"""What no answer may hold: places in the server, its memory, its code, and Triton's inner words."""

import re

_LEAKS = {
    "path": re.compile(r"(?<![\w/])/(dev|tmp|home|root|usr|opt|work|proc|var)\b|\w+\.(py|so)\b"),
    "traceback": re.compile(r"Traceback|\bline \d+, in \b|\bat::|\bc10::"),
    "shared memory": re.compile(r"shared[ -]memory|\bshm\b|_shm_region", re.I),
    "Triton's inside": re.compile(r"\bstub\b|\bBLS\b|model instance|Failed to process the request"),
    "address": re.compile(r"\b0x[0-9a-f]{6,}\b"),
}


def leaks(text: str) -> list[str]:
    """Return what kinds of inner knowledge `text` gives away."""
    return [kind for kind, pattern in _LEAKS.items() if pattern.search(text)]
