"""The command `instantid`.

Exit codes: 0 done, 1 a request failed or something is not ready, 2 the command line makes no sense,
130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

from instantid_client import _command_generate, _command_serve, _command_status
from instantid_client._client import DEFAULT_TIMEOUT_S
from instantid_client._console import Console, UsageError, error_json
from instantid_client._endpoint import DEFAULT_URL, Protocol
from instantid_client._errors import InstantIDError
from instantid_client._transport import AsyncTransport

_STATUS_TIMEOUT_S = 5.0
_FAILED = 1
_USAGE = 2
_INTERRUPTED = 130  # 128 + SIGINT, as shells have it


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
        console.tell(f"{error.filename}: {error.strerror}")
        return _FAILED
    except KeyboardInterrupt:
        console.tell("interrupted")
        return _INTERRUPTED


def _run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    if arguments.command == "serve":
        return _command_serve.run(arguments, console)
    if arguments.command == "status":
        return _command_status.run(arguments, console, transport)
    return _command_generate.run(arguments, console, transport)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="instantid", description="One photo of a face, one prompt: the person in the scene."
    )
    parser.add_argument("--version", action="version", version=version("instantid-triton"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = commands.add_parser("generate", help="draw pictures of a face")
    _add_server_flags(generate, DEFAULT_TIMEOUT_S)
    _command_generate.add_arguments(generate)

    status = commands.add_parser("status", help="ask the server and its models if they are ready")
    _add_server_flags(status, _STATUS_TIMEOUT_S)

    serve = commands.add_parser("serve", help="run a server in the foreground")
    serve.set_defaults(json=False)
    _command_serve.add_arguments(serve)
    return parser


def _add_server_flags(parser: argparse.ArgumentParser, timeout_s: float) -> None:
    parser.add_argument(
        "--url", default=DEFAULT_URL, help="host:port, or with a scheme (default: %(default)s)"
    )
    parser.add_argument(
        "--protocol",
        choices=[str(protocol) for protocol in Protocol],
        help="(default: the url's scheme; else http on port 8000, grpc on others)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=timeout_s,
        metavar="SECONDS",
        help="for each request (default: %(default)g)",
    )
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
