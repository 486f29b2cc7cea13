"""The networks' part: what a checkpoint decides and what is told of it reach their files."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from instantid_server.importing import network_part
from instantid_server.importing.base import read_base
from instantid_server.importing.network_part import plan_networks
from instantid_server.importing.planned import BytesFile
from instantid_server.importing.sdxl import SdxlCheckpoint
from tests.unit.importing.sources import TinySources


def test_prediction_and_note_of_a_checkpoint_are_passed_on(
    tiny_sources: TinySources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True}

    def read(path: Path, tokenizers: Path | None) -> SdxlCheckpoint:
        checkpoint = read_base(path, tokenizers)
        scheduler = {**checkpoint.scheduler, **trained}
        return replace(checkpoint, scheduler=scheduler, notes=("it predicts v",))

    monkeypatch.setattr(network_part, "read_base", read)
    part = plan_networks(tiny_sources.options(tmp_path), lambda _: None)
    assert part.notes == ["it predicts v"]
    (written,) = (
        json.loads(file.content)
        for file in part.files
        if isinstance(file, BytesFile) and file.path.name == "scheduler_config.json"
    )
    assert written.items() >= trained.items()
