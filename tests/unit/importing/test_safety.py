"""The safety checker: taken in every form it is found in, or left out, which is said."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_safety import tiny_safety_checker
from torch import Tensor

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.importer import import_weights
from instantid_server.importing.planned import TensorsFile
from instantid_server.importing.record import read_record
from instantid_server.importing.safety import find_safety_checker, plan_safety, plan_safety_checker
from instantid_server.node import NodeContext
from instantid_server.stages.safety import SafetyChecker
from tests.checkpoints.safety_checker import write_safety_checker
from tests.checkpoints.scale import REDUCED
from tests.unit.importing.sources import TinySources


def ignore(_: str) -> None:
    """Hear of progress."""


def planned_tensors(folder: Path, dtype: torch.dtype = torch.float32) -> TensorsFile:
    """Check the checker in a folder as an import does, and return its tensors' file."""
    config, tensors = plan_safety_checker(find_safety_checker(folder).network(), dtype)
    assert str(config.path) == "safety/1/config.json"
    assert isinstance(tensors, TensorsFile)
    return tensors


def change_config(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_released_form_is_taken_by_todays_names(tmp_path: Path) -> None:
    write_safety_checker(tmp_path, REDUCED)
    released = load_file(tmp_path / "model.safetensors")
    read = planned_tensors(tmp_path).read()
    assert read.keys() == {name.replace("vision_model.vision", "vision") for name in released}
    patches = "embeddings.patch_embedding.weight"
    old, new = (f"vision_model.{prefix}{patches}" for prefix in ("vision_model.", ""))
    assert torch.equal(read[new], released[old])


def test_pickled_file_with_positions_is_taken(own_sources: TinySources) -> None:
    folder = own_sources.safety_checker
    tensors = load_file(folder / "model.safetensors")
    positions = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    torch.save(tensors | positions, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert planned_tensors(folder).read().keys() == tensors.keys()


def test_checker_inside_of_a_checkpoint_is_found(tiny_sources: TinySources) -> None:
    assert find_safety_checker(tiny_sources.folder) == find_safety_checker(
        tiny_sources.safety_checker
    )


def test_bfloat16_does_not_move_its_thresholds(tiny_sources: TinySources) -> None:
    folder = tiny_sources.safety_checker
    assert planned_tensors(folder, torch.float16).dtype is torch.float16
    assert planned_tensors(folder, torch.bfloat16).dtype is torch.float32


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda tensors: tensors.popitem(), "missing: ", id="missing"),
        pytest.param(
            lambda tensors: tensors.update(logit_scale=torch.ones(1)),
            "unexpected: logit_scale",
            id="unexpected",
        ),
        pytest.param(
            lambda tensors: tensors.update(concept_embeds=torch.ones(3, 8)),
            r"concept_embeds is \[3, 8\] and not \[17, 8\]",
            id="misshapen",
        ),
    ],
)
def test_tensors_of_another_network_are_named(
    own_sources: TinySources, change: Callable[[dict[str, Tensor]], object], told: str
) -> None:
    path = own_sources.safety_checker / "model.safetensors"
    tensors = dict(load_file(path))
    change(tensors)
    save_file(tensors, path)
    with pytest.raises(ImportFailed, match=f"safety_checker: .*{told}"):
        planned_tensors(path.parent)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"architectures": ["CLIPModel"]}, r"architectures is \['CLIPModel'\], expected"),
        ({"vision_config": {"num_attention_heads": 7}}, "no StableDiffusionSafetyChecker"),
    ],
    ids=["plain-clip", "nonsense"],
)
def test_config_of_another_network_is_refused(
    own_sources: TinySources, changes: dict[str, object], told: str
) -> None:
    change_config(own_sources.safety_checker, **changes)
    with pytest.raises(ImportFailed, match=told):
        planned_tensors(own_sources.safety_checker)


def test_import_without_a_checker_says_what_that_means(
    tiny_sources: TinySources, tmp_path: Path
) -> None:
    options = replace(tiny_sources.options(tmp_path / "real"), safety_checker=None)
    part = plan_safety(options, ignore)
    assert (part.files, part.sources) == ([], [])
    (note,) = part.notes
    assert "the server refuses every picture, unless its policy says" in note


def test_imported_checker_is_loaded_by_the_stage(
    tiny_sources: TinySources, tmp_path: Path, node_context: Callable[[str], NodeContext]
) -> None:
    options = replace(tiny_sources.options(tmp_path / "real"), dtype="float16")
    import_weights(options, ignore)
    stage = SafetyChecker.load(
        replace(node_context("safety"), directory=tmp_path / "real/safety/1"), adjustment=0.0
    )
    loaded = stage._network.state_dict()
    wanted = tiny_safety_checker().state_dict()
    assert all(torch.equal(loaded[name], wanted[name].half().float()) for name in wanted)
    assert not any("safety checker" in note for note in read_record(tmp_path / "real").notes)
