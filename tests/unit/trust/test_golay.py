"""The Golay code: what it brings back."""

from itertools import combinations

import numpy as np
import pytest

from instantid_server.trust.marks import golay

WORDS = (0, 1, 0x5A5, 4095)


@pytest.mark.parametrize("word", WORDS)
def test_any_three_flipped_bits_are_corrected(word: int) -> None:
    for flipped in combinations(range(golay.CODE_BITS), 3):
        signs = golay.encode(word)
        signs[list(flipped)] *= -1
        assert golay.decode(signs) == word


def test_any_two_codes_differ_in_eight_bits_or_more() -> None:
    codes = golay.codebook()
    agreement = codes @ codes.T
    np.fill_diagonal(agreement, -golay.CODE_BITS)
    differing = (golay.CODE_BITS - agreement.max()) / 2
    assert differing == 8


def test_five_unsure_bits_may_be_wrong_where_the_others_are_sure() -> None:
    signs = golay.encode(0x123) * 2
    signs[:5] *= -0.1
    assert golay.decode(signs) == 0x123


def test_the_codebook_stays_as_it_is_when_a_code_is_changed() -> None:
    golay.encode(7)[:] = 0
    assert golay.decode(golay.encode(7)) == 7
