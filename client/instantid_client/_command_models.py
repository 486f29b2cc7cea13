"""`instantid models`: what a repository on this machine serves, and under which licences."""

import argparse
from pathlib import Path

from instantid_client._console import Console


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `models`."""
    parser.add_argument(
        "--model-repository",
        type=Path,
        default=Path("model_repository"),
        metavar="DIR",
        help="(default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, digests whole")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Tell every model's files, digests, sources and licences; return 0, or 1 if there are none."""
    # The server's half of the package, which a client on another machine does without.
    from instantid_server.importing.failure import ImportFailed
    from instantid_server.importing.models import describe_repository

    try:
        served = describe_repository(arguments.model_repository)
    except ImportFailed as error:
        console.tell(str(error))
        return 1
    if arguments.json:
        console.answer_json(served.as_json())
    else:
        for line in served.lines():
            console.answer(line)
    return 0
