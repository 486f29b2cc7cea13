"""The keys of the stages and of the gateway, as they are read or made."""

from dataclasses import replace
from pathlib import Path

import pytest

from instantid_server.serving.doors import left_open, open_doors
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.options import ServeOptions

OPTIONS = ServeOptions(Path("models"), Path("ensembles"), Path("keys"), Path("records"))
KEY = "k" * 32


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def test_every_start_makes_a_stage_key_of_its_own() -> None:
    first, second = open_doors(OPTIONS), open_doors(OPTIONS)
    assert len(first.stage_key.text) >= 32
    assert first.stage_key != second.stage_key


def test_without_a_gateway_inference_needs_no_key() -> None:
    assert open_doors(OPTIONS).gateway_key is None


def test_keys_are_read_from_their_files(key_file: Path) -> None:
    given = replace(OPTIONS, stage_key_path=key_file, gateway_key_path=key_file)
    doors = open_doors(given)
    assert (doors.stage_key.text, doors.gateway_key) == (KEY, KEY)
    assert KEY not in repr(doors)


@pytest.mark.parametrize("text", ["", "short", "k" * 257, "with:colon" * 4, "two\nlines" * 6])
def test_file_without_a_good_key_is_refused(text: str, key_file: Path) -> None:
    key_file.write_text(text)
    with pytest.raises(ServingFailure, match="token_urlsafe") as caught:
        open_doors(replace(OPTIONS, stage_key_path=key_file))
    assert caught.value.code is FailureCode.KEYS


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ServingFailure, match=r"gateway_key: .*missing cannot be read"):
        open_doors(replace(OPTIONS, gateway_key_path=tmp_path / "missing"))


def test_file_that_everybody_can_read_is_warned_of(key_file: Path) -> None:
    given = replace(OPTIONS, stage_key_path=key_file)
    assert left_open(given) == []
    key_file.chmod(0o644)
    (warning,) = left_open(given)
    assert f"chmod o-r {key_file}" in warning
