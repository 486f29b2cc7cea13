"""The README is true: what it names exists, and its tables say what the contract says."""

import re
from pathlib import Path

from instantid_server.contract import DENOISE_STEP, INSTANTID_STREAM, MODELS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def table_names(heading: str) -> set[str]:
    """Return every `name` in the first column of the table below `heading`."""
    section = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]+)\|", section, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_model_is_in_the_table() -> None:
    assert table_names("How it works") == set(MODELS)


def test_every_input_is_in_the_table() -> None:
    written = table_names("Inputs and outputs") - {"_end"} | {"control_guidance_end"}
    assert written == {spec.name for spec in INSTANTID_STREAM.inputs}


def test_every_output_is_named() -> None:
    for spec in MODELS["instantid"].outputs:
        assert f"`{spec.name}`" in README


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= targets


def test_every_link_to_a_file_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https:)([^)]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_it_stays_short() -> None:
    assert len(README.splitlines()) <= 150


def test_graph_names_what_the_ensemble_calls() -> None:
    graph = README.split("```\nphoto")[1].split("```")[0]
    assert all(name in graph for name in (DENOISE_STEP.name, *DENOISE_STEP.calls))
