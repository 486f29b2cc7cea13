"""Nobody is told of a run: libraries that report home are kept from it before they are imported."""

import os
import subprocess
import sys
from pathlib import Path

_SESSION = ".ses"  # what onnxruntime writes where it means to report


def files_left_by(code: str, folder: Path) -> list[str]:
    """Run `code` as a user's shell would, which is no continuous integration."""
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(folder)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    return [path.name for path in folder.iterdir()]


def test_onnxruntime_keeps_no_session_to_report(tmp_path: Path) -> None:
    assert files_left_by("import instantid_server, onnxruntime", tmp_path) == []


def test_onnxruntime_alone_would(tmp_path: Path) -> None:
    """Say when the variable is no longer needed, or is called otherwise."""
    assert files_left_by("import onnxruntime", tmp_path) == [_SESSION]
