"""The README's commands and code, run as they stand; only the port is that of the test's server."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.server import ROOT, RunningServer

pytestmark = pytest.mark.triton

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to write into, from which the README's paths lead to the same files."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    return tmp_path


def draw_first(server: RunningServer, folder: Path) -> None:
    (code,) = blocks("python")
    assert len(code.splitlines()) <= 6
    subprocess.run(
        [sys.executable, "-c", code.replace("127.0.0.1:8001", server.grpc_url)],
        cwd=folder,
        check=True,
    )


def test_first_picture_takes_six_lines(server: RunningServer, folder: Path) -> None:
    draw_first(server, folder)
    with Image.open(folder / "first.png") as picture:
        assert picture.size == (128, 128)


def test_command_lines_work(server: RunningServer, folder: Path) -> None:
    commands = [
        line for block in blocks("bash") for line in block.splitlines() if "instantid" in line
    ]
    assert len(commands) == 3
    draw_first(server, folder)
    for command in commands:
        name, *arguments = shlex.split(command)
        program = str(Path(sys.executable).with_name(name))
        subprocess.run([program, *arguments, "--url", server.grpc_url], cwd=folder, check=True)
    assert len(list((folder / "scenes").iterdir())) == 2


def test_demo_leaves_a_picture_a_sheet_and_nothing_else(tmp_path: Path) -> None:
    demo = subprocess.run(
        [sys.executable, "-m", "scripts.demo", "--output", str(tmp_path), "--steps", "4"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in ("picture.png", "contact_sheet.png"):
        assert str(tmp_path / name) in demo.stdout
        Image.open(tmp_path / name).verify()
    figures = json.loads((ROOT / "build" / "reports" / "demo.json").read_text())
    assert figures["steps"] == 4
    port = re.search(r"http 127\.0\.0\.1:(\d+)", demo.stdout)
    assert port
    listening = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{int(port[1]):04X} 00000000:0000 0A" not in listening
