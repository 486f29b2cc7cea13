"""The floating type between the stages."""

import numpy as np
import pytest
from batches import stage_inputs
from stages import FakeStages, contract_types, types_of

from instantid_server.wire import WireCall


@pytest.mark.parametrize("model", ["unet", "id_resampler", "vae_decoder"])
@pytest.mark.parametrize("wire", ["FP32", "FP16"])
def test_tensors_on_the_wire_travel_in_its_type_and_others_in_their_own(
    model: str, wire: str
) -> None:
    stages = FakeStages()
    WireCall(stages, wire)(model, stage_inputs(model, 1), [])
    (inputs,) = stages.inputs_of(model)
    assert types_of(inputs) == contract_types(model, wire)


def test_timestep_keeps_its_precision_on_a_half_precision_wire() -> None:
    stages = FakeStages()
    inputs = {**stage_inputs("unet", 1), "timestep": np.array([[998.7]], np.float32)}
    WireCall(stages, "FP16")("unet", inputs, [])
    assert stages.inputs_of("unet")[0]["timestep"] == np.float32(998.7)


def test_outputs_asked_for_come_back_as_they_are() -> None:
    outputs = WireCall(FakeStages(), "FP16")("unet", stage_inputs("unet", 1), ["noise_pred"])
    assert list(outputs) == ["noise_pred"]
    assert outputs["noise_pred"].dtype == np.float16
