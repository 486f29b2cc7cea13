"""The command: what an import says, and how it ends."""

import sys

from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.importer import import_weights
from instantid_server.importing.options import ImportOptions

_FAILED = 1


def run(options: ImportOptions) -> int:
    """Import and return the exit code: progress goes to stderr, the summary to stdout."""
    try:
        summary = import_weights(options, _tell)
    except ImportFailed as failure:
        _tell(str(failure))
        return _FAILED
    for line in summary:
        sys.stdout.write(f"{line}\n")
    return 0


def _tell(message: str) -> None:
    sys.stderr.write(f"instantid: {message}\n")
    sys.stderr.flush()
