"""`instantid audit`: what a server put on record. Needs the package's `server` extra."""

import argparse
import json
from pathlib import Path

from instantid_client._console import Console
from instantid_client._server_half import tell_missing_package

_FAILED = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `audit`."""
    commands = parser.add_subparsers(dest="audit_command", required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="tell whether a log is as it was written")
    verify.add_argument(
        "files", nargs="*", type=Path, metavar="FILE", help="the oldest first (default: serve's)"
    )
    verify.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FILE",
        help="best a copy from elsewhere (default: those beside the last file)",
    )
    verify.add_argument(
        "--first",
        type=int,
        default=1,
        metavar="N",
        help="record to begin with, where earlier files were deleted (default: %(default)s)",
    )
    verify.add_argument(
        "--public-key", type=Path, metavar="PEM", help="of the audit key, in place of --keys"
    )
    show = commands.add_parser("show", help="tell what is on record under an id")
    show.add_argument("record", metavar="RECORD", help="the id, or how it begins")
    erase = commands.add_parser("erase", help="make a person's records nobody's")
    erase.add_argument("subject", metavar="SUBJECT", help="what the person's consents say")
    for command in (show, erase):
        command.add_argument(
            "file", nargs="?", type=Path, metavar="FILE", help="the log (default: serve's)"
        )
    for command in (verify, erase):
        command.add_argument("--keys", type=Path, metavar="DIR", help="(default: serve's)")


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Do what is asked of a log and return the exit code."""
    commands = {"verify": _verify, "show": _show, "erase": _erase}
    try:
        return commands[arguments.audit_command](arguments, console)
    except ModuleNotFoundError as error:
        return tell_missing_package("audit", error, console)


def _verify(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.audit.chain import BrokenLog
    from instantid_server.trust.audit.checkpoint_key import CheckpointKeyError, read_public_key
    from instantid_server.trust.audit.checkpoints import checkpoints_path
    from instantid_server.trust.audit.inspection import inspect_log
    from instantid_server.trust.keys import Keys, KeysError, default_keys_folder
    from instantid_server.trust.record_file import default_records_path

    files = arguments.files or [default_records_path()]
    checkpoints = arguments.checkpoints or checkpoints_path(files[-1])
    try:
        if arguments.public_key is None:
            key = Keys.load(arguments.keys or default_keys_folder()).audit_signing.public_key()
        else:
            key = read_public_key(arguments.public_key.read_bytes())
        finding = inspect_log(files, checkpoints, key, arguments.first)
    except (BrokenLog, CheckpointKeyError, KeysError) as error:
        console.tell(str(error))
        return _FAILED
    for sentence in finding.sentences():
        console.answer(sentence)
    return 0


def _show(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.audit.chain import BrokenLog
    from instantid_server.trust.audit.inspection import find_decisions
    from instantid_server.trust.record_file import default_records_path

    path = arguments.file or default_records_path()
    try:
        found = list(find_decisions(path, arguments.record))
    except BrokenLog as error:
        console.tell(str(error))
        return _FAILED
    for fields in found:
        console.answer(json.dumps(fields, indent=2))
    if not found:
        console.tell(f"no record of {path} has this id")
    return 0 if found else _FAILED


def _erase(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.audit.salts import SubjectSalts, salts_folder
    from instantid_server.trust.keys import Keys, KeysError, default_keys_folder
    from instantid_server.trust.record_file import default_records_path

    folder = salts_folder(arguments.file or default_records_path())
    try:
        keys = Keys.load(arguments.keys or default_keys_folder()).audit
    except KeysError as error:
        console.tell(str(error))
        return _FAILED
    if not SubjectSalts(folder, keys).erase(arguments.subject):
        console.tell(f"{folder} holds nothing of this person")
        return _FAILED
    console.answer("erased: no record can be told to be this person's by its subject any more")
    console.answer("still there: consent ids, which their issuer knows, request ids, the tenant")
    console.answer(f"delete it from copies of {folder}, too")
    return 0
