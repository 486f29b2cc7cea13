"""`instantid keys`: what pictures are marked and signed with. Needs the `server` extra."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from instantid_client._console import Console
from instantid_client._server_half import tell_missing_package

_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `keys`."""
    commands = parser.add_subparsers(dest="keys_command", required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="make keys and a test certificate")
    init.add_argument(
        "directory",
        type=Path,
        nargs="?",
        metavar="DIR",
        help="nothing may be in it (default: where `serve` looks, under ~/.local/share/instantid)",
    )
    upgrade = commands.add_parser("upgrade", help="add keys that an earlier version had not")
    upgrade.add_argument("directory", type=Path, nargs="?", metavar="DIR", help="default: as init")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Make or complete a folder of keys and return the exit code."""
    try:
        from instantid_server.trust.keys import (
            KeysError,
            default_keys_folder,
            make_test_keys,
            upgrade_keys,
        )
    except ModuleNotFoundError as error:
        return tell_missing_package("keys", error, console)
    given: Path | None = arguments.directory
    folder = default_keys_folder() if given is None else given
    try:
        if arguments.keys_command == "upgrade":
            return _tell_added(upgrade_keys(folder), folder, console)
        make_test_keys(folder)
    except KeysError as error:
        console.tell(f"{folder}: {error}")
        return _FAILED
    console.answer(f"made keys for marks, noise and signatures in {folder}")
    console.answer("their certificate is a test's: outside of this server, nobody trusts it")
    console.answer("keep a copy: without them, pictures cannot be recognised any more")
    return 0


def _tell_added(names: Sequence[str], folder: Path, console: Console) -> int:
    added = f"added {', '.join(names)} to" if names else "nothing is missing in"
    console.answer(f"{added} {folder}")
    return 0
