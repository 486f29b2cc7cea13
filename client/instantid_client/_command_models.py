"""`instantid models`: what a repository on this machine serves, and under which licences."""

import argparse

from instantid_client._console import Console
from instantid_client._server_half import add_repository_flags, tell_missing_package


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `models`."""
    add_repository_flags(parser, ["model"])
    parser.add_argument("--json", action="store_true", help="one JSON object, digests whole")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Tell every model's files, digests, sources and licences; return 0, or 1 if there are none."""
    try:
        from instantid_server.importing.failure import ImportFailed
        from instantid_server.importing.models import describe_repository
    except ModuleNotFoundError as error:
        return tell_missing_package("models", error, console)
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
