"""No orphans: a process that ends when the one that started it does, however that ended."""

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>: signal me when my parent is gone


def end_with_parent() -> None:
    """Have the kernel send SIGTERM to this process when its parent is gone."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
