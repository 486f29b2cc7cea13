"""The contract agrees with itself."""

from itertools import chain

import pytest

from instantid_server.contract import (
    DEFAULT_CONTROLNET_CONDITIONING_SCALE,
    DEFAULT_GUIDANCE_SCALE,
    DEFAULT_IP_ADAPTER_SCALE,
    DEFAULT_NUM_INFERENCE_STEPS,
    DEFAULT_SCHEDULER,
    INSTANTID,
    INSTANTID_STREAM,
    LATE_MODELS,
    MODELS,
    PUBLIC_MODELS,
    SCHEDULERS,
    ModelSpec,
)

each_model = pytest.mark.parametrize("spec", MODELS.values(), ids=MODELS)


@each_model
def test_tensors_of_a_model_have_different_names(spec: ModelSpec) -> None:
    for tensors in (spec.inputs, spec.outputs):
        assert len({tensor.name for tensor in tensors}) == len(tensors)


@each_model
def test_called_models_exist(spec: ModelSpec) -> None:
    assert set(spec.calls) <= MODELS.keys() - {spec.name}


@each_model
def test_only_models_that_take_a_photo_have_optional_inputs(spec: ModelSpec) -> None:
    assert any(tensor.optional for tensor in spec.inputs) == (spec.name in LATE_MODELS)


def test_tensors_of_one_name_have_one_type_and_rank() -> None:
    kinds: dict[str, set[tuple[str, bool]]] = {}
    stages = [spec for name, spec in MODELS.items() if name not in PUBLIC_MODELS]
    for tensor in chain.from_iterable((*spec.inputs, *spec.outputs) for spec in stages):
        if tensor.name != "image":  # pixels of a detector, of a decoder
            kinds.setdefault(tensor.name, set()).add((tensor.dtype, tensor.on_wire))
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def test_both_models_that_draw_take_the_same_requests() -> None:
    assert INSTANTID_STREAM.inputs[: len(INSTANTID.inputs)] == INSTANTID.inputs
    assert [spec.name for spec in INSTANTID.inputs if not spec.optional] == ["prompt"]


def test_unknown_input_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="colour"):
        INSTANTID.input("colour")


def test_defaults_are_those_of_instantids_example() -> None:
    assert DEFAULT_SCHEDULER in SCHEDULERS.values()
    assert (DEFAULT_NUM_INFERENCE_STEPS, DEFAULT_GUIDANCE_SCALE) == (30, 5.0)
    assert (DEFAULT_IP_ADAPTER_SCALE, DEFAULT_CONTROLNET_CONDITIONING_SCALE) == (0.8, 0.8)
