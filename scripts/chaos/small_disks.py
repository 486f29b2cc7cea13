"""A server on small disks of its own, in a mount namespace, so that they can be filled.

/dev/shm may be as large as the memory, and a full /tmp would hurt everybody on the machine.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.chaos.act import Act, play
from scripts.chaos.faults import full_disks
from scripts.reports import ROOT
from scripts.steady.pictures import draw_known_pictures

_SIZE = "256m"
_UNSHARE = ("unshare", "--mount", "--map-root-user")
_MOUNT = f"mount -t tmpfs -o size={_SIZE} tmpfs"
_IN_NAMESPACE = f'{_MOUNT} /dev/shm && {_MOUNT} "$0" && exec "$@"'  # $0: the temporary folder


def is_allowed() -> bool:
    """Tell whether this user may mount disks in a namespace."""
    if shutil.which(_UNSHARE[0]) is None:
        return False
    trial = [*_UNSHARE, "mount", "-t", "tmpfs", "tmpfs", "/dev/shm"]
    return subprocess.run(trial, capture_output=True).returncode == 0


def play_on_small_disks(steps: int) -> Act:
    """Fill both disks under load and return what happened."""
    with tempfile.TemporaryDirectory() as folder:
        temporary, outcome = Path(folder, "tmp"), Path(folder, "act.json")
        temporary.mkdir()
        program = [sys.executable, "-m", "scripts.chaos.small_disks", str(outcome), str(steps)]
        played = subprocess.run(
            [*_UNSHARE, "sh", "-c", _IN_NAMESPACE, str(temporary), *program],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
        if played.returncode != 0:
            return Act((), {}, 0.0, (f"full disks: cut short, status {played.returncode}",))
        return Act.from_json(json.loads(outcome.read_text()))


def main() -> int:
    """Play the act in this process, which sits in the namespace already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("outcome", type=Path)
    parser.add_argument("steps", type=int)
    options = parser.parse_args()
    act = play(full_disks(), draw_known_pictures(options.steps))
    options.outcome.write_text(json.dumps(act.to_json()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
