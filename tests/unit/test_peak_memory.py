"""What the processes below this one hold."""

import os
import subprocess
import sys

from scripts.peak_memory import memory_below

HELD_MIB = 64
HOLDER = f"held = bytes(1) * {HELD_MIB * 1024**2}; print(len(held), flush=True); input()"


def test_memory_of_a_child_counts_while_it_lives() -> None:
    before = memory_below(os.getpid())
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()  # it holds them now
        during = memory_below(os.getpid())
        holder.communicate(b"\n")
    after = memory_below(os.getpid())
    assert during.own - before.own >= HELD_MIB / 1024
    assert after.own < during.own
