"""Readings: what a text says to a reader who sees through disguised letters.

A disguise can have several solutions ("1" is an i or an l), and digits can be just digits, so that
a text has several readings, which are looked at one by one.
"""

import re
import string
import tomllib
import unicodedata
from importlib import resources

_PAGE = "letters.toml"
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc"})  # accents, zero-width and direction marks
_SPACES = frozenset("\t\n\r")  # control characters, too, but they part words
_APOSTROPHES = "'`\u2019\u02bc"  # they part no words, and "Anna's ex" is to have no s of its own
# White squares and circles are forms of the letter to Unicode, black ones and flags are not.
_LETTER_SYMBOLS = (0x1F150, 0x1F170, 0x1F1E6)  # first of 26 in a row each
MAX_RUN = 3  # as often as a letter of any word comes in a row; drawn-out ones are shortened to it
_DRAWN_OUT = re.compile(rf"([a-z])\1{{{MAX_RUN},}}")
_SPELT = re.compile(r"(?<![a-z0-9])([a-z0-9])\s+(?=[a-z0-9](?![a-z0-9]))")


def readings(text: str) -> list[str]:
    """Return the texts, in small Latin letters, that `text` can be read as; the literal one first.

    Words that are spelt ("n a m e") come with dots instead of spaces, as if written "n.a.m.e".
    """
    literal = _latin(text)
    decoded = [literal, *(literal.translate(disguise) for disguise in _DISGUISES)]
    return [_respelt(one) for one in dict.fromkeys(decoded)]


def _latin(text: str) -> str:
    # Twice, because lookalikes of capitals have small letters that look like others: Greek H and η.
    folded = unicodedata.normalize("NFKC", text).translate(_LOOKALIKES).casefold()
    seen = "".join(filter(_is_seen, unicodedata.normalize("NFKD", folded)))
    return seen.translate(_LOOKALIKES)


def _respelt(text: str) -> str:
    return _SPELT.sub(r"\1.", _DRAWN_OUT.sub(lambda run: run[1] * MAX_RUN, text))


def _is_seen(letter: str) -> bool:
    return letter in _SPACES or unicodedata.category(letter) not in _UNSEEN


def _read_page() -> tuple[dict[int, str | None], list[dict[int, str | None]]]:
    """Return the tables of lookalikes, and of each way to read disguises."""
    page = tomllib.loads(resources.files(__package__).joinpath(_PAGE).read_text("utf-8"))
    lookalikes: dict[int, str | None] = _table(page["lookalikes"])
    for first in _LETTER_SYMBOLS:
        lookalikes |= {first + place: name for place, name in enumerate(string.ascii_lowercase)}
    lookalikes |= {ord(mark): None for mark in _APOSTROPHES}
    return lookalikes, [_table(disguise) for disguise in page["disguises"]]


def _table(shapes: dict[str, str]) -> dict[int, str | None]:
    return {ord(shape): letter for letter, shapes_of in shapes.items() for shape in shapes_of}


_LOOKALIKES, _DISGUISES = _read_page()
