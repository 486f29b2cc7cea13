"""The command `instantid`.

Exit codes: 0 done, 1 a request failed or something is not ready, 2 the command line makes no sense,
130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import Protocol

from instantid_client import (
    _command_audit,
    _command_cancel,
    _command_consent,
    _command_drain,
    _command_enroll,
    _command_generate,
    _command_import,
    _command_keys,
    _command_models,
    _command_protect,
    _command_serve,
    _command_status,
    _command_verify,
)
from instantid_client._call import DEFAULT_TIMEOUT_S
from instantid_client._console import Console, UsageError, error_json
from instantid_client._errors import InstantIDError
from instantid_client._server_flags import add_server_flags
from instantid_client._transport import AsyncTransport

_ANSWER_TIMEOUT_S = 5.0  # where nothing is drawn
_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


class _Asking(Protocol):
    """A command that asks a server through Triton."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(
        self, arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None
    ) -> int: ...


class _Operating(Protocol):
    """A command that does its work here."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, arguments: argparse.Namespace, console: Console) -> int: ...


_ASKING: dict[str, tuple[_Asking, str, float]] = {  # with how long it waits for an answer
    "generate": (_command_generate, "draw pictures of a face", DEFAULT_TIMEOUT_S),
    "enroll": (_command_enroll, "have a face sealed for later pictures", DEFAULT_TIMEOUT_S),
    "cancel": (_command_cancel, "stop a request by its id", _ANSWER_TIMEOUT_S),
    "verify": (
        _command_verify,
        "tell whether pictures are a server's, unchanged",
        _ANSWER_TIMEOUT_S,
    ),
    "status": (
        _command_status,
        "ask the server and its models if they are ready",
        _ANSWER_TIMEOUT_S,
    ),
}
_OPERATING: dict[str, tuple[_Operating, str]] = {
    "drain": (_command_drain, "end a server once its pictures are delivered"),
    "serve": (_command_serve, "run a server in the foreground"),
    "import": (_command_import, "turn real weights into a model repository"),
    "keys": (_command_keys, "make what pictures are marked and signed with"),
    "audit": (_command_audit, "look into what a server put on record"),
    "consent": (_command_consent, "sign, read and take back what people allow"),
    "protect": (_command_protect, "keep the registry of whom a server never draws"),
    "models": (_command_models, "tell what a repository here serves"),
}


def main(argv: Sequence[str] | None = None, *, transport: AsyncTransport | None = None) -> int:
    """Run one command and return its exit code; `transport` stands in for the network."""
    arguments = _parser().parse_args(argv)
    console = Console(sys.stdout, sys.stderr)
    try:
        return _run(arguments, console, transport)
    except UsageError as error:
        console.tell(str(error))
        return _USAGE
    except InstantIDError as error:
        if arguments.json:
            console.answer_json({"error": error_json(error)})
        console.tell(str(error))
        return _FAILED
    except OSError as error:
        # A write to a file that is open already, to a full disk say, does not name it.
        console.tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return _FAILED
    except KeyboardInterrupt:
        console.tell("interrupted")
        return _INTERRUPTED


def _run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    if arguments.command in _OPERATING:
        operating, _ = _OPERATING[arguments.command]
        return operating.run(arguments, console)
    asking, _, _ = _ASKING[arguments.command]
    return asking.run(arguments, console, transport)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="instantid", description="One photo of a face, one prompt: the person in the scene."
    )
    parser.add_argument("--version", action="version", version=version("instantid-triton"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (asking, purpose, timeout_s) in _ASKING.items():
        command = commands.add_parser(name, help=purpose)
        add_server_flags(command, timeout_s)
        asking.add_arguments(command)
    for name, (operating, purpose) in _OPERATING.items():
        command = commands.add_parser(name, help=purpose)
        command.set_defaults(json=False)  # `main` looks for it in every command
        operating.add_arguments(command)
    return parser
