"""LoRA training: it changes the base network for one person, and can be taken off again."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from scripts.comparisons.lora_training import (
    TRIGGER,
    LoraOptions,
    add_lora,
    base_of,
    base_velocity,
    lesson_of,
    lora_bytes,
    remove_lora,
    train_lora,
    with_trigger,
)
from scripts.pocket.captions import caption_words, full_caption, training_caption
from scripts.pocket.drawings import scene_of
from scripts.pocket.export import Networks
from scripts.pocket.person import FIRST_UNSEEN_SEED
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.served import served_networks

FEW = LoraOptions(steps=1, rank=2, batch=1)


@dataclass(frozen=True)
class Served:
    networks: Networks
    prompts: PromptEncoder

    def predict(self) -> Tensor:
        torch.manual_seed(7)  # of the random sizes too
        latents, maps = torch.randn(1, 12, 16, 16), torch.zeros(1, 3, 128, 128)
        captions = [with_trigger(full_caption(scene_of(FIRST_UNSEEN_SEED, 1)))]
        base = base_of(self.networks, self.prompts)
        with torch.no_grad():
            return base_velocity(base, latents, torch.tensor([500]), captions, maps, 0.8)

    def lora_trained_on(self, drawings: int) -> None:
        train_lora(self.networks, self.prompts, lesson_of(FIRST_UNSEEN_SEED, drawings), FEW)


@pytest.fixture(scope="module")
def served() -> Served:
    return Served(*served_networks(Path("model_repository")))


def test_fresh_lora_changes_nothing(served: Served) -> None:
    before = served.predict()
    add_lora(served.networks.unet, rank=2)
    torch.testing.assert_close(served.predict(), before)
    remove_lora(served.networks.unet)


def test_trained_lora_changes_the_prediction_and_removed_gives_the_base_back(
    served: Served,
) -> None:
    before = served.predict()
    weights = {name: value.clone() for name, value in served.networks.unet.state_dict().items()}
    served.lora_trained_on(1)
    assert not torch.allclose(served.predict(), before, atol=1e-4)
    remove_lora(served.networks.unet)
    assert torch.equal(served.predict(), before)
    after = served.networks.unet.state_dict()
    assert after.keys() == weights.keys()
    assert all(torch.equal(value, weights[name]) for name, value in after.items())


def test_lora_leaves_the_adapter_alone(served: Served) -> None:
    base_of(served.networks, served.prompts)
    add_lora(served.networks.unet, rank=2)
    trained = [name for name, p in served.networks.unet.named_parameters() if p.requires_grad]
    remove_lora(served.networks.unet)
    assert trained
    assert not [name for name in trained if ".processor." in name]


def test_twice_the_rank_is_twice_the_file(served: Served) -> None:
    sizes = []
    for rank in (2, 4):
        add_lora(served.networks.unet, rank)
        sizes.append(lora_bytes(served.networks.unet))
        remove_lora(served.networks.unet)
    assert sizes[1] == 2 * sizes[0] > 0


def test_same_seed_trains_the_same_lora(served: Served) -> None:
    predictions = []
    for _ in range(2):
        served.lora_trained_on(2)
        predictions.append(served.predict())
        remove_lora(served.networks.unet)
    assert torch.equal(predictions[0], predictions[1])


def test_trigger_is_known_and_in_no_caption() -> None:
    assert TRIGGER in caption_words()
    rng = np.random.default_rng(0)
    captions = [training_caption(scene_of(person, 0), rng) for person in range(300)]
    assert not [caption for caption in captions if TRIGGER in caption.split()]


def test_every_caption_gets_the_trigger_once() -> None:
    rng = np.random.default_rng(0)
    for person in range(100):
        caption = with_trigger(training_caption(scene_of(person, 0), rng))
        assert caption.split().count(TRIGGER) == 1


def test_a_lesson_holds_no_drawing_that_is_measured() -> None:
    lesson = lesson_of(FIRST_UNSEEN_SEED, 20)
    assert len(lesson.portraits) == len(set(lesson.scenes)) == 20
    assert not {scene_of(FIRST_UNSEEN_SEED, index) for index in range(20)} & set(lesson.scenes)
