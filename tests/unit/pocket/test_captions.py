"""Captions and vocabulary: what was drawn is said, in words the tokenizer knows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import CLIPTokenizer

from scripts.pocket.captions import caption_words, full_caption, training_caption
from scripts.pocket.drawings import scene_of
from scripts.pocket.scene import NO_HAIR
from scripts.pocket.vocabulary import load_tokenizer, write_tokenizer

SCENE = replace(
    scene_of(1, 0),
    hair_style="long",
    hair_colour="red",
    garment="coat",
    garment_colour="green",
    accessory="glasses",
    expression="smiling",
    background="beach",
    light="warm",
    art_style="watercolor",
)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> CLIPTokenizer:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, "!")
    return load_tokenizer(folder)


def test_full_caption_names_every_attribute() -> None:
    assert full_caption(SCENE) == (
        "a watercolor portrait of a person with long red hair, wearing a green coat and glasses, "
        "smiling, at the beach, in warm light"
    )


def test_bald_person_has_no_hair_colour() -> None:
    caption = full_caption(replace(SCENE, hair_style=NO_HAIR))
    assert "no hair" in caption
    assert "red" not in caption.split()


def test_training_caption_names_what_it_does_not_drop() -> None:
    caption = training_caption(SCENE, np.random.default_rng(0), drop=0.0)
    for word in ("watercolor", "long", "red", "green", "coat", "glasses", "beach", "warm"):
        assert word in caption


def test_training_captions_vary() -> None:
    rng = np.random.default_rng(0)
    assert len({training_caption(SCENE, rng) for _ in range(20)}) > 15


def test_every_caption_word_is_one_token(tokenizer: CLIPTokenizer) -> None:
    broken = [word for word in caption_words() if len(tokenizer.tokenize(word)) != 1]
    assert broken == []


def test_every_drawn_caption_uses_only_known_words(tokenizer: CLIPTokenizer) -> None:
    for seed in range(200):
        for token in tokenizer.tokenize(full_caption(scene_of(seed, 0))):
            assert token.endswith("</w>")


def test_unknown_words_fall_to_pieces_and_are_not_lost(tokenizer: CLIPTokenizer) -> None:
    tokens = tokenizer("zqxj Österreich 漢").input_ids
    assert tokenizer.eos_token_id not in tokens[:-1]


def test_end_token_is_not_the_one_with_a_legacy_rule(tokenizer: CLIPTokenizer) -> None:
    assert tokenizer.eos_token_id != 2
    assert tokenizer.pad_token_id == 0
