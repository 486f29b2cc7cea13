"""`instantid import`: its flags reach the importer, which is not needed for any other command."""

import sys
from pathlib import Path

import pytest

from instantid_client.cli import main
from instantid_server.importing import command
from instantid_server.importing.options import ImportOptions, LoraOption

SOURCES = ("--ip-adapter", "a.bin", "--identitynet", "ControlNetModel", "--base", "sdxl")
REQUIRED = ("import", "real", *SOURCES, "--faces", "scrfd.onnx", "glintr100.onnx")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[ImportOptions]:
    """What the importer was told to do, in place of doing it."""
    options: list[ImportOptions] = []

    def run(one: ImportOptions) -> int:
        options.append(one)
        return 0

    monkeypatch.setattr(command, "run", run)
    return options


def test_defaults_are_the_importers(given: list[ImportOptions]) -> None:
    assert main(REQUIRED) == 0
    assert given == [
        ImportOptions(
            Path("real"), "a.bin", "ControlNetModel", "sdxl", ("scrfd.onnx", "glintr100.onnx")
        )
    ]


def test_every_flag_reaches_the_importer(given: list[ImportOptions]) -> None:
    flags = (
        *("--vae", "v", "--tokenizers", "t", "--lora", "x.safetensors", "--lora", "y=0.5"),
        *("--safety-checker", "s"),
        *("--dtype", "bfloat16", "--record", "import.json", "--gpu-memory", "24"),
        *("--allow-other-detector", "--allow-other-recogniser"),
        *("--model-repository", "m", "--ensemble-repository", "e"),
    )
    assert main((*REQUIRED, *flags)) == 0
    (options,) = given
    assert (options.vae, options.tokenizers, options.safety_checker) == ("v", "t", "s")
    assert options.loras == (LoraOption("x.safetensors"), LoraOption("y", 0.5))
    assert (options.dtype, options.record) == ("bfloat16", Path("import.json"))
    assert (options.allow_other_detector, options.allow_other_recogniser) == (True, True)
    assert (options.model_repository, options.ensemble_repository) == (Path("m"), Path("e"))
    assert options.gpu_memory_gib == 24


@pytest.mark.parametrize(
    "flags",
    [("--lora", "x=strong"), ("--dtype", "int8"), ("--gpu-memory", "much")],
    ids=["lora", "dtype", "memory"],
)
def test_flag_that_makes_no_sense_exits_with_2(
    flags: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main((*REQUIRED, *flags))
    assert ended.value.code == 2
    assert flags[0] in capsys.readouterr().err


def test_import_without_the_server_extra_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.importing", None)  # as if it were not there
    assert main(REQUIRED) == 1
    assert "make .venv/server-installed" in capsys.readouterr().err
