"""Every `instantid` command line on a page of documentation is one that the program takes."""

import re
import shlex
from pathlib import Path

import pytest

from instantid_client import cli

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"^ *(?:docker .*instantid-triton|instantid) ([a-z].*)$", re.MULTILINE)
PAGES = (
    "README.md",
    "CONSENT.md",
    "PROVENANCE.md",
    "client/README.md",
    "model_repository/README.md",
    "docker/README.md",
    "docker/kubernetes/README.md",
)


def command_lines() -> list[str]:
    joined = "\n".join((ROOT / page).read_text().replace("\\\n", " ") for page in PAGES)
    return COMMAND.findall(joined)


@pytest.mark.parametrize("line", command_lines())
def test_documented_command_parses(line: str) -> None:
    cli._parser().parse_args(shlex.split(line))


def test_import_and_serve_are_among_them() -> None:
    assert {line.split()[0] for line in command_lines()} >= {"generate", "import", "serve"}
