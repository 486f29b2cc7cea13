"""The table of `model_repository/README.md` is the contract and the multi-gpu profile."""

import re
from pathlib import Path

import pytest

from instantid_server.contract import MODELS, PUBLIC_MODELS, ModelSpec
from scripts.profiles import read_profile

ROOT = Path(__file__).parents[2]
README = (ROOT / "model_repository" / "README.md").read_text()
ROWS = {
    row[0].strip("`"): row[1:]
    for row in re.findall(r"^\| (`\w+`) \| (.+?) \| (.+?) \| (.+?) \|$", README, re.MULTILINE)
}
MULTI_GPU = read_profile(ROOT / "ensemble_configs" / "multi-gpu.toml")


def test_every_model_has_a_row_in_the_order_of_the_contract() -> None:
    assert list(ROWS) == list(MODELS)


@pytest.mark.parametrize(
    "spec",
    [spec for name, spec in MODELS.items() if name not in PUBLIC_MODELS],
    ids=lambda s: s.name,
)
def test_row_of_a_stage_names_its_tensors(spec: ModelSpec) -> None:
    inputs, outputs = (re.findall(r"`(\w+)`", side) for side in ROWS[spec.name][0].split("→"))
    assert inputs == [tensor.name for tensor in spec.inputs]
    assert outputs == [tensor.name for tensor in spec.outputs]


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_row_names_the_gpus_of_the_profile(spec: ModelSpec) -> None:
    if spec.backend == "ensemble":
        expected = "of its steps"
    else:
        expected = ", ".join(map(str, MULTI_GPU.placements[spec.name].gpus)) or "CPU"
    assert ROWS[spec.name][1] == expected


@pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)
def test_row_names_the_file_that_holds_the_code(spec: ModelSpec) -> None:
    code = ROWS[spec.name][2].strip("`")
    if spec.backend == "python":
        assert (ROOT / "server" / "instantid_server" / code).is_file()
        module = code.removesuffix(".py").replace("/", ".")
        node = (ROOT / "model_repository" / spec.name / "1" / "model.py").read_text()
        assert f"from instantid_server.{module} import" in node
    else:
        assert code == {"onnxruntime": "model.onnx", "ensemble": "ensemble"}[spec.backend]
