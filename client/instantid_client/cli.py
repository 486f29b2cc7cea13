"""The command `instantid`.

Exit codes: 0 done, 1 a request failed or something is not ready, 2 the command line makes no sense,
130 interrupted.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.metadata import version

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
    operating = {
        "audit": _command_audit.run,
        "consent": _command_consent.run,
        "serve": _command_serve.run,
        "drain": _command_drain.run,
        "import": _command_import.run,
        "keys": _command_keys.run,
        "models": _command_models.run,
        "protect": _command_protect.run,
    }
    if arguments.command in operating:
        return operating[arguments.command](arguments, console)
    asking = {
        "generate": _command_generate.run,
        "enroll": _command_enroll.run,
        "cancel": _command_cancel.run,
        "status": _command_status.run,
        "verify": _command_verify.run,
    }
    return asking[arguments.command](arguments, console, transport)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="instantid", description="One photo of a face, one prompt: the person in the scene."
    )
    parser.add_argument("--version", action="version", version=version("instantid-triton"))
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    generate = commands.add_parser("generate", help="draw pictures of a face")
    add_server_flags(generate, DEFAULT_TIMEOUT_S)
    _command_generate.add_arguments(generate)

    enroll = commands.add_parser("enroll", help="have a face sealed for later pictures")
    add_server_flags(enroll, DEFAULT_TIMEOUT_S)  # it waits for its turn as a picture does
    _command_enroll.add_arguments(enroll)

    cancel = commands.add_parser("cancel", help="stop a request by its id")
    add_server_flags(cancel, _ANSWER_TIMEOUT_S)
    _command_cancel.add_arguments(cancel)

    verify = commands.add_parser("verify", help="tell whether pictures are a server's, unchanged")
    add_server_flags(verify, _ANSWER_TIMEOUT_S)
    _command_verify.add_arguments(verify)

    status = commands.add_parser("status", help="ask the server and its models if they are ready")
    add_server_flags(status, _ANSWER_TIMEOUT_S)
    _command_status.add_arguments(status)

    drain = commands.add_parser("drain", help="end a server once its pictures are delivered")
    drain.set_defaults(json=False)
    _command_drain.add_arguments(drain)

    serve = commands.add_parser("serve", help="run a server in the foreground")
    serve.set_defaults(json=False)
    _command_serve.add_arguments(serve)

    importing = commands.add_parser("import", help="turn real weights into a model repository")
    importing.set_defaults(json=False)
    _command_import.add_arguments(importing)

    keys = commands.add_parser("keys", help="make what pictures are marked and signed with")
    keys.set_defaults(json=False)
    _command_keys.add_arguments(keys)

    audit = commands.add_parser("audit", help="look into what a server put on record")
    audit.set_defaults(json=False)
    _command_audit.add_arguments(audit)

    consent = commands.add_parser("consent", help="sign, read and take back what people allow")
    consent.set_defaults(json=False)
    _command_consent.add_arguments(consent)

    protect = commands.add_parser("protect", help="keep the registry of whom a server never draws")
    protect.set_defaults(json=False)
    _command_protect.add_arguments(protect)

    models = commands.add_parser("models", help="tell what a repository here serves")
    _command_models.add_arguments(models)
    return parser
