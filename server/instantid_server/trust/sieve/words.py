"""Word lists as patterns that see words whole, through drawn-out, dotted and spelt letters."""

import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from instantid_server.trust.sieve.readings import MAX_RUN

_PAGE = "words.toml"
_CATEGORY = re.compile(r"[a-z_]{1,30}")
_WORD = re.compile(r"[a-z0-9]+\*?|\*")
# What may stand between two letters of one word. Commas part the items of a prompt: "top,less".
_JOINT = r"[^a-z0-9\s,;]*"
_GAP = r"[^a-z0-9]*"
_ANY_WORD = r"(?:[^a-z0-9]+[a-z]+)?"
_YEARS = rf"{_GAP}(?:years?|yrs?|y){_GAP}(?:old|o)"


class WordsError(ValueError):
    """An operator's page of words is none."""


@dataclass(frozen=True)
class OwnWords:
    """An operator's page: words by category, for which the operator answers."""

    refused: Mapping[str, re.Pattern[str]]

    @classmethod
    def read(cls, path: Path) -> "OwnWords":
        """Return the page of a file; raises WordsError."""
        try:
            page = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise WordsError(f"the page of refused words: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise WordsError(f"the page of refused words: {error}") from error
        refused = page.get("refused")
        if page.keys() != {"refused"} or not isinstance(refused, dict):
            raise WordsError("the page of refused words: expected one table, [refused]")
        return cls({name: _own_pattern(name, words) for name, words in refused.items()})


@dataclass(frozen=True)
class Words:
    """The page that comes with the server."""

    innocent: re.Pattern[str]
    minors: re.Pattern[str]
    suggestive: re.Pattern[str]
    young: re.Pattern[str]  # an age below 18
    refused: Mapping[str, re.Pattern[str]]  # by category, the gravest first
    undress_negative: re.Pattern[str]
    minors_negative: re.Pattern[str]

    @classmethod
    @cache
    def shipped(cls) -> "Words":
        """Return the page."""
        page = tomllib.loads(resources.files(__package__).joinpath(_PAGE).read_text("utf-8"))
        ages = "|".join(page["young_ages"])
        return cls(
            innocent=_pattern(page["innocent"]),
            minors=_pattern(page["minors"]),
            suggestive=_pattern(page["suggestive"]),
            young=_bounded(rf"(?:{ages}){_YEARS}|aged?{_GAP}(?:{ages})"),
            refused={name: _pattern(words) for name, words in page["refused"].items()},
            undress_negative=_pattern(page["negative"]["undress"]),
            minors_negative=_pattern(page["negative"]["minors"]),
        )


def _own_pattern(name: str, words: Any) -> re.Pattern[str]:
    if not _CATEGORY.fullmatch(name):
        raise WordsError(f"the page of refused words: {name!r} is no name of a category")
    if not isinstance(words, list) or not words:
        raise WordsError(f"the page of refused words: {name}: expected a list of words")
    for number, words_of in enumerate(words, start=1):
        parts = words_of.split(" ") if isinstance(words_of, str) else [""]
        if not all(map(_WORD.fullmatch, parts)) or words_of.startswith("*"):
            raise WordsError(
                f"the page of refused words: {name}: number {number}: expected small letters, "
                "digits and blanks, and * at the end of a word"
            )
    return _pattern(words)


def _pattern(phrases: Iterable[str]) -> re.Pattern[str]:
    return _bounded("|".join(map(_phrase, phrases)))


def _bounded(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])")


def _phrase(phrase: str) -> str:
    first, *others = phrase.split(" ")
    rest = (_ANY_WORD if word == "*" else _GAP + _word(word) for word in others)
    return _word(first) + "".join(rest)


def _word(word: str) -> str:
    """Return the pattern of a word, each of whose letters may be drawn out.

    Every repetition has an end or eats one kind of character, so that no prompt takes long.
    """
    runs = [(letter, len(list(run))) for letter, run in itertools.groupby(word.removesuffix("*"))]
    letters = (
        rf"{letter}(?:{_JOINT}{letter}){{{count - 1},{MAX_RUN - 1}}}" for letter, count in runs
    )
    return _JOINT.join(letters) + ("[a-z]*" if word.endswith("*") else "")
