"""Disguised letters, read as a person reads them."""

import pytest

from instantid_server.trust.sieve.readings import readings


@pytest.mark.parametrize(
    "text",
    [
        "Naked",
        "\uff2e\uff41\uff4b\uff45\uff44",  # full width
        "n\u200ba\u200dk\u00ade\u2060d",  # zero width
        "n\u0430\u043aed",  # Cyrillic
        "\u039daked",  # a Greek capital, whose small letter looks like a v
        "na\u0301ke\u0308d",  # combining marks
        "\u0274\u1d00\u1d0b\u1d07\u1d05",  # small capitals
        "\U0001d4f7\U0001d4ea\U0001d4f4\U0001d4ee\U0001d4ed",  # mathematical script
        "\U0001f17d\U0001f170\U0001f17a\U0001f174\U0001f173",  # black squares
        "\U0001f1f3\U0001f1e6\U0001f1f0\U0001f1ea\U0001f1e9",  # flags' letters
        "\u202enaked",  # written from right to left
    ],
)
def test_lookalikes_read_as_what_they_look_like(text: str) -> None:
    assert readings(text)[0] == "naked"


@pytest.mark.parametrize(
    ("text", "word"), [("n4k3d", "naked"), ("n@k3d", "naked"), ("1ips", "lips"), ("f!t", "fit")]
)
def test_digits_and_marks_are_read_as_letters_too(text: str, word: str) -> None:
    assert word in readings(text)


def test_literal_reading_keeps_digits() -> None:
    assert readings("12 years, 50 mm")[0] == "12 years, 50 mm"


def test_spelt_words_are_joined_and_others_are_not() -> None:
    assert readings("a h a t, a t-shirt, hat and coat")[0] == "a.h.a.t, a.t-shirt, hat and coat"


def test_drawn_out_letters_are_shortened_and_long_numbers_are_not() -> None:
    assert readings("soooooo good, 10000")[0] == "sooo good, 10000"
