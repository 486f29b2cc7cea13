"""`instantid protect`: whom a server never draws. Needs the `server` extra, and asks no server."""

import argparse
from datetime import UTC, date, datetime
from pathlib import Path

from instantid_client._console import Console
from instantid_client._server_half import add_repository_flags, tell_missing_package

REASONS = ("own_request", "guardian", "estate", "court")
_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `protect`."""
    commands = parser.add_subparsers(dest="protect_command", required=True, metavar="COMMAND")
    init = commands.add_parser("init", help="begin an empty registry, and pin who signs it")
    add = commands.add_parser("add", help="protect the face of a photo")
    add.add_argument("photo", type=Path, metavar="PHOTO", help="with one face, and not kept")
    add.add_argument("--reason", required=True, choices=REASONS, help="on whose word")
    add.add_argument("--expires", type=_day, metavar="DATE", help="last day, as 2030-12-31")
    add.add_argument(
        "--subject", default="", help="as a verified consent names them: it still counts"
    )
    add.add_argument("--issuer", default="", metavar="NAME", help="of that consent")
    remove = commands.add_parser("remove", help="end the protection of somebody")
    remove.add_argument("id", metavar="ID", help="as `show` tells it")
    show = commands.add_parser("show", help="tell who is protected, without names")
    for command in (init, add, remove, show):
        _add_places(command, signs=command is not show)
    for command in (init, add):
        add_repository_flags(command, ("model",), "whose recogniser reads the faces ")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Change or show the registry and return the exit code."""
    try:
        from instantid_server.errors import InstantIDError as ServerError
        from instantid_server.trust.keys import KeysError
        from instantid_server.trust.protected.registry import RegistryError

        try:
            said = _run(arguments)
        except (KeysError, RegistryError, ServerError) as error:
            console.tell(str(error))
            return _FAILED
    except ModuleNotFoundError as error:
        return tell_missing_package("protect", error, console)
    for line in said:
        console.answer(line)
    return 0


def _run(arguments: argparse.Namespace) -> list[str]:
    from instantid_server.trust.keys import default_keys_folder
    from instantid_server.trust.protected.command import ProtectCommands
    from instantid_server.trust.protected.registry import Reason
    from instantid_server.trust.protected.registry_editor import Protection

    given: Path | None = arguments.keys
    commands = ProtectCommands(
        arguments.registry, default_keys_folder() if given is None else given
    )
    match arguments.protect_command:
        case "init":
            return commands.init(arguments.signing_key, arguments.model_repository)
        case "remove":
            return commands.remove(arguments.signing_key, arguments.id)
        case "show":
            return commands.show()
    protection = Protection(
        Reason(arguments.reason), arguments.expires, arguments.issuer, arguments.subject
    )
    return commands.add(
        arguments.signing_key, arguments.model_repository, arguments.photo, protection
    )


def _add_places(parser: argparse.ArgumentParser, *, signs: bool) -> None:
    parser.add_argument(
        "--registry",
        type=Path,
        default=Path("protected.jsonl"),
        metavar="FILE",
        help="(default: %(default)s)",
    )
    parser.add_argument("--keys", type=Path, metavar="DIR", help="of the server")
    if signs:
        parser.add_argument(
            "--signing-key",
            type=Path,
            default=Path("registry_key.pem"),
            metavar="FILE",
            help="private; keep it away from the server (default: %(default)s)",
        )


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected a date as 2030-12-31, got {text!r}") from error
    if day < datetime.now(UTC).date():
        raise argparse.ArgumentTypeError(f"{text} is over")
    return day
