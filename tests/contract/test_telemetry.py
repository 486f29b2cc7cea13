"""Nobody is told of a run: libraries that report home are kept from it before they are imported."""

import os
import subprocess
import sys
from pathlib import Path


def test_onnxruntime_keeps_no_session_to_report(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    code = "import instantid_server, onnxruntime"
    subprocess.run(
        [sys.executable, "-c", code], env={**environment, "TMPDIR": str(tmp_path)}, check=True
    )
    assert list(tmp_path.iterdir()) == []


def test_onnxruntime_alone_would(tmp_path: Path) -> None:
    """Say when the variable is no longer needed, or is called otherwise."""
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    subprocess.run(
        [sys.executable, "-c", "import onnxruntime"],
        env={**environment, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert [path.name for path in tmp_path.iterdir()] == [".ses"]
