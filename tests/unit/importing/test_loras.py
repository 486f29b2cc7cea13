"""LoRAs: added to the weights they name, whoever named them; what is no plain LoRA is refused."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import tiny_networks
import torch
from safetensors.torch import save_file
from torch import Tensor

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.loras import Lora, find_lora, read_lora, with_loras
from instantid_server.importing.network import Network
from instantid_server.importing.tensors import shapes_of

RANK = 2
MODULE = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
CONVOLUTION = "down_blocks.1.resnets.0.conv1"
TEXT_MODULE = "encoder.layers.0.self_attn.q_proj"
FLAT = MODULE.replace(".", "_")


@pytest.fixture(scope="module")
def weights() -> Mapping[str, Tensor]:
    return tiny_networks.tiny_unet().state_dict()


def factors(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Return (down, up) for a weight, as trainers store those of linear layers and convolutions."""
    generator = torch.Generator().manual_seed(len(weight))
    out, *rest = weight.shape
    tail = (1, 1) if weight.ndim == 4 else ()
    return (
        torch.randn(RANK, *rest, generator=generator),
        torch.randn(out, RANK, *tail, generator=generator),
    )


def added(down: Tensor, up: Tensor, like: Tensor) -> Tensor:
    return (up.flatten(1) @ down.flatten(1)).reshape(like.shape)


def read(path: Path, tensors: dict[str, Tensor], scale: float = 1.0) -> Lora:
    save_file(tensors, path)
    return read_lora(path, scale, tiny_networks.tiny_unet().config)


def fuse(tensors: Mapping[str, Tensor], component: str, *loras: Lora) -> Mapping[str, Tensor]:
    network = Network("a network", {}, lambda: tensors)
    return with_loras(network, component, shapes_of(tensors), loras).read()


@pytest.mark.parametrize(
    ("down_name", "up_name"),
    [
        pytest.param(
            f"lora_unet_{FLAT}.lora_down.weight", f"lora_unet_{FLAT}.lora_up.weight", id="kohya"
        ),
        pytest.param(
            "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k.lora_down.weight",
            "lora_unet_input_blocks_3_1_transformer_blocks_0_attn2_to_k.lora_up.weight",
            id="kohya-of-a-single-file",
        ),
        pytest.param(f"unet.{MODULE}.lora_A.weight", f"unet.{MODULE}.lora_B.weight", id="peft"),
        pytest.param(
            f"unet.{MODULE}.lora.down.weight", f"unet.{MODULE}.lora.up.weight", id="diffusers"
        ),
        pytest.param(
            f"unet.{MODULE}_lora.down.weight".replace("attn2.", "attn2.processor."),
            f"unet.{MODULE}_lora.up.weight".replace("attn2.", "attn2.processor."),
            id="older-diffusers",
        ),
    ],
)
def test_lora_is_added_to_the_weight_it_names(
    tmp_path: Path, weights: Mapping[str, Tensor], down_name: str, up_name: str
) -> None:
    name = f"{MODULE}.weight"
    down, up = factors(weights[name])
    lora = read(tmp_path / "x.safetensors", {down_name: down, up_name: up}, scale=0.5)
    fused = fuse(weights, "unet", lora)
    expected = weights[name] + 0.5 * added(down, up, weights[name])
    torch.testing.assert_close(fused[name], expected)
    others = weights.keys() - {name}
    assert all(fused[other] is weights[other] for other in others)
    assert len(fused) == len(weights)


def test_alpha_scales_by_the_rank(tmp_path: Path, weights: Mapping[str, Tensor]) -> None:
    name = f"{CONVOLUTION}.weight"
    down, up = factors(weights[name])
    flat = f"lora_unet_{CONVOLUTION.replace('.', '_')}"
    tensors = {f"{flat}.lora_down.weight": down, f"{flat}.lora_up.weight": up}
    tensors[f"{flat}.alpha"] = torch.tensor(8.0)
    fused = fuse(weights, "unet", read(tmp_path / "x.safetensors", tensors))
    expected = weights[name] + 8 / RANK * added(down, up, weights[name])
    torch.testing.assert_close(fused[name], expected)


@pytest.mark.parametrize("wrapper", ["", "text_model."], ids=["new-names", "old-names"])
def test_text_encoders_have_loras_of_their_own(tmp_path: Path, wrapper: str) -> None:
    weight = torch.zeros(8, 8)
    down, up = factors(weight)
    tensors = {}
    for prefix in ("lora_te1", "lora_te2"):
        flat = f"{prefix}_text_model_{TEXT_MODULE.replace('.', '_')}"
        tensors[f"{flat}.lora_down.weight"] = down.clone()
        tensors[f"{flat}.lora_up.weight"] = up.clone()
        flat = flat.replace("q_proj", "out_proj")
        tensors[f"{flat}.lora_down.weight"] = down.clone()
        tensors[f"{flat}.lora_up.weight"] = up.clone()
    lora = read(tmp_path / "x.safetensors", tensors)
    encoder = {
        f"{wrapper}{TEXT_MODULE}.weight": weight,
        f"{wrapper}{TEXT_MODULE.replace('q_proj', 'out_proj')}.weight": weight,
    }
    for component in ("text_encoder", "text_encoder_2"):
        fused = fuse(encoder, component, lora)
        assert all(torch.allclose(fused[name], up @ down) for name in encoder)


def test_two_loras_add_up(tmp_path: Path, weights: Mapping[str, Tensor]) -> None:
    name = f"{MODULE}.weight"
    down, up = factors(weights[name])
    names = (f"unet.{MODULE}.lora_A.weight", f"unet.{MODULE}.lora_B.weight")
    lora = read(tmp_path / "x.safetensors", dict(zip(names, (down, up), strict=True)))
    twice = fuse(weights, "unet", lora, lora)
    torch.testing.assert_close(twice[name], weights[name] + 2 * added(down, up, weights[name]))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        pytest.param(["lora_unet_x.hada_w1_a"], "hada_w1_a is no part of a plain LoRA", id="loha"),
        pytest.param([f"lora_unet_{FLAT}.dora_scale"], "DoRA are not taken", id="dora"),
        pytest.param(["lora_unet_x.alpha"], "belongs to no tensor", id="alpha-alone"),
        pytest.param([f"unet.{MODULE}.lora_A.weight"], "does not know the names", id="half"),
        pytest.param(
            ["prior.x.lora_A.weight", "prior.x.lora_B.weight"], "holds more than", id="other-part"
        ),
        pytest.param(
            [
                f"lora_unet_{block}.lora_{side}.weight"
                for block in (FLAT, "input_blocks_3_1_proj_in")
                for side in ("down", "up")
            ],
            "holds more than",
            id="both-namings",
        ),
    ],
)
def test_file_that_is_no_plain_lora_is_refused(tmp_path: Path, names: list[str], told: str) -> None:
    with pytest.raises(ImportFailed, match=told):
        read(tmp_path / "x.safetensors", {name: torch.ones(2, 2) for name in names})


@pytest.mark.parametrize("module", ["down_blocks.9.conv", MODULE])
def test_lora_of_another_network_is_refused(
    tmp_path: Path, weights: Mapping[str, Tensor], module: str
) -> None:
    tensors = {f"unet.{module}.lora_{side}.weight": torch.ones(2, 2) for side in "AB"}
    lora = read(tmp_path / "x.safetensors", tensors)
    with pytest.raises(ImportFailed, match=f"unet has no {module}.weight of its shape"):
        fuse(weights, "unet", lora)


def test_strength_kept_apart_from_the_tensors_is_refused(tmp_path: Path) -> None:
    tensors = {f"unet.{MODULE}.lora_{side}.weight": torch.ones(2, 2) for side in "AB"}
    for alpha in (RANK, 2 * RANK):
        settings = json.dumps({"unet.r": RANK, "unet.lora_alpha": alpha})
        path = tmp_path / f"{alpha}.safetensors"
        save_file(tensors, path, {"format": "pt", "lora_adapter_metadata": settings})
    config = tiny_networks.tiny_unet().config
    assert read_lora(tmp_path / f"{RANK}.safetensors", 1.0, config).factors["unet"]
    with pytest.raises(ImportFailed, match=r"unet\.lora_alpha sets its strength apart"):
        read_lora(tmp_path / f"{2 * RANK}.safetensors", 1.0, config)


@pytest.mark.parametrize(
    ("name", "neutral", "value"),
    [
        ("unet.use_rslora", False, True),
        ("unet.alpha_pattern", {}, {MODULE: 8}),
        ("text_encoder.rank_pattern", {}, {"q_proj": 8}),
        ("lora_alpha", RANK, 2 * RANK),
    ],
)
def test_other_strength_of_pefts_is_refused(
    tmp_path: Path, name: str, neutral: object, value: object
) -> None:
    tensors = {f"unet.{MODULE}.lora_{side}.weight": torch.ones(2, 2) for side in "AB"}
    config = tiny_networks.tiny_unet().config
    path = tmp_path / "x.safetensors"
    same = {"r": RANK, "unet.r": RANK, "unet.lora_alpha": RANK}
    save_file(tensors, path, {"lora_adapter_metadata": json.dumps({**same, name: neutral})})
    assert read_lora(path, 1.0, config).factors["unet"]
    save_file(tensors, path, {"lora_adapter_metadata": json.dumps({**same, name: value})})
    with pytest.raises(ImportFailed, match=f"{name} sets its strength apart"):
        read_lora(path, 1.0, config)


def test_folder_with_the_name_of_diffusers_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ImportFailed, match=r"pytorch_lora_weights\.safetensors: missing"):
        find_lora(tmp_path)
    file = tmp_path / "pytorch_lora_weights.safetensors"
    file.touch()
    assert find_lora(tmp_path) == find_lora(file) == file
