"""Settings: strings of a config, read once and strictly."""

from dataclasses import dataclass

import pytest

from instantid_server.settings import (
    FaceAnalysisSettings,
    PipelineSettings,
    SettingsError,
    TorchSettings,
    read_settings,
)


@dataclass(frozen=True)
class Sample:
    needed: int
    flag: bool = True
    share: float = 0.5
    name: str = "plain"


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("True", True), ("false", False), ("FALSE", False)]
)
def test_booleans_are_words(text: str, expected: bool) -> None:
    assert read_settings(Sample, {"needed": "1", "flag": text}).flag is expected


def test_values_are_converted_and_defaults_kept() -> None:
    assert read_settings(Sample, {"needed": "-3", "share": "1e-2"}) == Sample(-3, share=0.01)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        pytest.param({"needed": "1", "colour": "red"}, "unknown parameter colour", id="unknown"),
        pytest.param({}, "the parameter needed is missing", id="missing"),
        pytest.param({"needed": "one"}, "needed: expected int, got 'one'", id="not-a-number"),
        pytest.param({"needed": "1.5"}, "needed: expected int, got '1.5'", id="not-whole"),
        pytest.param({"needed": ""}, "needed: expected int, got ''", id="empty"),
        pytest.param(
            {"needed": "1", "flag": "1"}, "flag: expected true or false, got '1'", id="not-a-word"
        ),
    ],
)
def test_mistake_is_refused_by_name(parameters: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{message}"):
        read_settings(Sample, parameters)


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        (TorchSettings, {"device": "cuda:1"}, "device: expected one of cpu, cuda, got 'cuda:1'"),
        (TorchSettings, {"dtype": "fp16"}, "dtype: expected one of float32, bfloat16, float16"),
        (PipelineSettings, {"wire_dtype": "BF16"}, "wire_dtype: expected one of FP32, FP16"),
    ],
    ids=["device", "dtype", "wire"],
)
def test_choice_that_nobody_offers_is_refused(
    kind: type[TorchSettings] | type[PipelineSettings], parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=f"^{message}"):
        read_settings(kind, parameters)


@pytest.mark.parametrize("kind", [TorchSettings, FaceAnalysisSettings, PipelineSettings])
def test_every_node_loads_without_parameters(kind: type[TorchSettings]) -> None:
    assert read_settings(kind, {}) == kind()
