"""Plug-and-play: the identity parts come off one base and go onto another unchanged."""

from pathlib import Path

import numpy as np
import pytest
import torch

from scripts.comparisons.bare_base import with_adapter_of, without_adapter
from scripts.comparisons.plug_and_play_style import (
    UNNAMED,
    in_style,
    style_drawings,
    train_styled_denoiser,
)
from scripts.pocket.captions import full_caption
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, scene_of
from scripts.pocket.export import Networks, adapter_keys
from scripts.pocket.person import person_from_seed
from scripts.pocket.portraits import draw_portrait
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.served import served_networks
from scripts.pocket.training_state import RunOptions

REPOSITORY = Path("model_repository")
PERSONS = 2


@pytest.fixture
def served() -> tuple[Networks, PromptEncoder]:
    return served_networks(REPOSITORY)


def test_base_without_adapter_reads_the_prompt_alone(
    served: tuple[Networks, PromptEncoder],
) -> None:
    networks, prompts = served
    plain = without_adapter(networks.unet)
    assert not any(".processor." in name for name in plain.state_dict())
    latents = torch.randn(1, 12, 16, 16, generator=torch.Generator().manual_seed(0))
    embeds, pooled = prompts(["a comic portrait of a person"])
    added = {"text_embeds": pooled, "time_ids": torch.zeros(1, 6)}
    tokens = torch.zeros(1, 16, embeds.shape[2])
    with torch.no_grad():
        alone = plain(latents, 500, embeds, added_cond_kwargs=added).sample
        silenced = networks.unet(
            latents,
            500,
            (embeds, tokens),
            added_cond_kwargs=added,
            cross_attention_kwargs={"adapter_scale": torch.zeros(1)},
        ).sample
    torch.testing.assert_close(alone, silenced)


def test_adapter_put_back_gives_the_served_denoiser(
    served: tuple[Networks, PromptEncoder],
) -> None:
    networks, _ = served
    again = without_adapter(networks.unet)
    with_adapter_of(again, networks.unet)
    expected = networks.unet.state_dict()
    assert again.state_dict().keys() == expected.keys()
    assert all(torch.equal(value, expected[name]) for name, value in again.state_dict().items())


def test_style_is_drawn_but_in_no_caption(tmp_path: Path) -> None:
    drawings = style_drawings(tmp_path, "pencil", PERSONS)
    truth = draw_portrait(person_from_seed(1), in_style(scene_of(1, 2), "pencil"))
    np.testing.assert_array_equal(drawings.pictures[PORTRAITS_PER_PERSON + 2], truth.picture)
    for row in range(len(drawings.pictures)):
        assert drawings.scene(row).art_style == UNNAMED
        assert "pencil" not in full_caption(drawings.scene(row))


def test_only_the_denoiser_learns_the_style(
    served: tuple[Networks, PromptEncoder], tmp_path: Path
) -> None:
    networks, prompts = served
    drawings = style_drawings(tmp_path / "drawings", "comic", PERSONS)
    text = prompts.text_encoder.state_dict()
    said = {name: value.clone() for name, value in text.items()}
    kept = {name: value.clone() for name, value in networks.unet.state_dict().items()}
    options = RunOptions(tmp_path / "styled_base.pt", 1e-4, 1e-3)
    styled = train_styled_denoiser(networks, prompts, drawings, tmp_path / "latents", options)
    assert not torch.equal(styled.conv_in.weight, networks.unet.conv_in.weight)
    assert all(torch.equal(value, said[name]) for name, value in text.items())
    with_adapter_of(styled, networks.unet)
    for name, value in adapter_keys(styled).items():
        assert torch.equal(value, adapter_keys(networks.unet)[name])
    for name, value in networks.unet.state_dict().items():
        assert torch.equal(value, kept[name]), name
