"""A whole import: what the nodes read is what the sources hold, and a refusal leaves nothing."""

import json
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_networks
import torch
from safetensors.torch import load_file, save_file

from instantid_server.contract import MODELS
from instantid_server.generation import PipelineWeights
from instantid_server.importing import command
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.importer import import_weights
from instantid_server.importing.options import LoraOption
from instantid_server.importing.record import Role, read_record
from tests.unit.importing.sources import TinySources

WEIGHTS = "diffusion_pytorch_model.safetensors"


def ignore(_: str) -> None:
    """Hear of progress."""


@pytest.fixture(scope="module")
def imported(tiny_sources: TinySources, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("imported") / "real"
    import_weights(tiny_sources.options(target), ignore)
    return target


def test_repository_holds_every_node(imported: Path) -> None:
    for name, spec in MODELS.items():
        if spec.backend != "ensemble":
            assert (imported / name / "config.pbtxt").is_file()
    assert not (imported / "denoise_step").exists()


@pytest.mark.parametrize(
    ("written", "source"),
    [
        (f"unet/1/{WEIGHTS}", f"sdxl/unet/{WEIGHTS}"),
        (f"identitynet/1/{WEIGHTS}", f"ControlNetModel/{WEIGHTS}"),
        ("text_encoder/1/text_encoder/model.safetensors", "sdxl/text_encoder/model.safetensors"),
        ("safety/1/model.safetensors", "safety_checker/model.safetensors"),
    ],
)
def test_tensors_are_those_of_the_source(
    imported: Path, tiny_sources: TinySources, written: str, source: str
) -> None:
    ours, theirs = load_file(imported / written), load_file(tiny_sources.folder / source)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_both_halves_make_the_vae(imported: Path) -> None:
    halves = [load_file(imported / f"vae_{part}/1/{WEIGHTS}") for part in ("decoder", "encoder")]
    assert halves[0].keys() | halves[1].keys() == tiny_networks.tiny_vae().state_dict().keys()
    assert not halves[0].keys() & halves[1].keys()


def test_pipeline_is_read_by_the_server(imported: Path) -> None:
    weights = PipelineWeights.load(imported / "instantid" / "1")
    assert weights.latent_channels == tiny_networks.LATENT_CHANNELS
    assert weights.limits.native_height == 64
    assert weights.limits.max_width == 128
    assert weights.scheduler_config == tiny_networks.SCHEDULER_CONFIG
    assert weights.palette.weight.shape == (4, 3)


def test_keypoint_map_has_the_size_of_the_released_weights(imported: Path) -> None:
    sizes = json.loads((imported / "identitynet/1/keypoint_map.json").read_text())
    assert sizes == {"limb_width_px": 4, "dot_radius_px": 10}


def test_faces_are_searched_in_the_size_of_antelopev2(imported: Path) -> None:
    assert '"640"' in (imported / "face_analysis" / "config.pbtxt").read_text()


def test_every_source_is_recorded(imported: Path) -> None:
    record = read_record(imported)
    assert {source.role for source in record.sources} == set(Role) - {Role.VAE, Role.LORA}
    names = [source.name for source in record.sources if source.role is Role.BASE]
    assert f"unet/{WEIGHTS}" in names
    assert record.dtype == "float32"


def test_smaller_dtype_halves_the_weights(tiny_sources: TinySources, tmp_path: Path) -> None:
    options = replace(tiny_sources.options(tmp_path / "real"), dtype="bfloat16")
    import_weights(options, ignore)
    tensors = load_file(tmp_path / "real" / "unet" / "1" / WEIGHTS)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.bfloat16}
    config = json.loads((tmp_path / "real/text_encoder/1/text_encoder/config.json").read_text())
    assert config["dtype"] == "bfloat16"


def test_given_vae_and_lora_are_taken_and_recorded(
    own_sources: TinySources, tmp_path: Path
) -> None:
    module = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    weight = tiny_networks.tiny_unet().get_submodule(module).weight
    down, up = torch.ones(1, weight.shape[1]), torch.ones(len(weight), 1)
    lora = own_sources.folder / "lcm.safetensors"
    save_file({f"unet.{module}.lora_A.weight": down, f"unet.{module}.lora_B.weight": up}, lora)
    other_vae = own_sources.folder / "vae-fp16-fix"
    shutil.move(own_sources.base / "vae", other_vae)
    shutil.copytree(other_vae, own_sources.base / "vae")
    options = own_sources.options(tmp_path / "real")
    told = import_weights(
        replace(options, vae=str(other_vae), loras=(LoraOption(str(lora), 0.25),)), ignore
    )
    fused = load_file(tmp_path / "real" / "unet" / "1" / WEIGHTS)[f"{module}.weight"]
    torch.testing.assert_close(fused, weight + 0.25)
    record = read_record(tmp_path / "real")
    assert {source.role for source in record.sources} == set(Role)
    (note,) = (note for note in record.notes if "lcm.safetensors" in note)
    assert "every picture is drawn with it" in note
    assert note in told


def test_refusal_leaves_nothing(own_sources: TinySources, tmp_path: Path) -> None:
    (own_sources.base / "unet" / "config.json").unlink()
    target = tmp_path / "out" / "real"
    target.parent.mkdir()
    with pytest.raises(ImportFailed, match=r"no config\.json"):
        import_weights(own_sources.options(target), ignore)
    assert list(target.parent.iterdir()) == []


def test_other_sources_than_recorded_are_refused(
    imported: Path, own_sources: TinySources, tmp_path: Path
) -> None:
    scheduler = own_sources.base / "scheduler" / "scheduler_config.json"
    scheduler.write_text(scheduler.read_text() + "\n")
    options = replace(own_sources.options(tmp_path / "real"), record=imported / "import.json")
    with pytest.raises(ImportFailed, match="scheduler_config"):
        import_weights(options, ignore)
    assert not (tmp_path / "real").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"record": Path("none.json")}, "none.json", id="record"),
        pytest.param({"dtype": "bfloat16"}, "--dtype float32", id="dtype"),
        pytest.param({"model_repository": Path("none")}, "--model-repository", id="nodes"),
        pytest.param({"ensemble_repository": Path("none")}, "--ensemble-repository", id="pages"),
    ],
)
def test_what_lies_here_is_read_before_anything_is_fetched(
    imported: Path,
    tiny_sources: TinySources,
    tmp_path: Path,
    change: Mapping[str, Any],
    reason: str,
) -> None:
    told: list[str] = []  # hears of each source before it is found or fetched
    options = replace(tiny_sources.options(tmp_path / "real"), record=imported)
    with pytest.raises(ImportFailed, match=reason):
        import_weights(replace(options, **change), told.append)
    assert told == []


def test_scheduler_of_another_kind_of_network_is_refused(
    own_sources: TinySources, tmp_path: Path
) -> None:
    scheduler = own_sources.base / "scheduler" / "scheduler_config.json"
    scheduler.write_text('{"_class_name": "FlowMatchEulerDiscreteScheduler"}')
    with pytest.raises(ImportFailed, match="no beta_schedule; FlowMatchEulerDiscreteScheduler"):
        import_weights(own_sources.options(tmp_path / "real"), ignore)


def test_command_prints_the_summary_and_ends_with_0(
    tiny_sources: TinySources, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "my weights"
    assert command.run(tiny_sources.options(target)) == 0
    captured = capsys.readouterr()
    serve = shlex.split(captured.out.splitlines()[-1].removeprefix("Serve it: "))
    assert serve[:2] == ["instantid", "serve"]
    assert serve[2:] == ["--profile", "single-gpu", "--model-repository", str(target)]
    assert "unet" in captured.out
    assert f"instantid: reading {tiny_sources.base}" in captured.err


def test_command_tells_a_refusal_and_ends_with_1(
    imported: Path, tiny_sources: TinySources, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.run(tiny_sources.options(imported)) == 1
    captured = capsys.readouterr()
    assert (
        captured.err
        == f"instantid: {imported}: is there already; remove it, or name another place\n"
    )
    assert captured.out == ""
