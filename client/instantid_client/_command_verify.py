"""`instantid verify`: whether pictures are a server's, and unchanged."""

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from instantid_client._console import Console
from instantid_client._results import Verification
from instantid_client._server_flags import add_tenant_flag, client_of
from instantid_client._server_half import add_repository_flags, tell_missing_package
from instantid_client._transport import AsyncTransport
from instantid_server.contract import CredentialsState, RecordState


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `verify`."""
    parser.add_argument("picture", nargs="+", metavar="PICTURE", help="file: PNG, JPEG or WebP")
    add_tenant_flag(parser)
    parser.add_argument(
        "--deep",
        action="store_true",
        help="ask no server, but look here for the noise of its records; minutes for large weights",
    )
    add_repository_flags(parser, ("model",), "with --deep: whose weights drew the pictures ")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="with --deep: the server's")
    parser.add_argument("--records", type=Path, metavar="FILE", help="with --deep: the server's")
    parser.add_argument(
        "--device", default="cpu", choices=("cpu", "cuda"), help="with --deep (default: cpu)"
    )


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Tell of each picture; return 0 if all of them are the server's as released, else 1.

    With `--deep`, 0 if all of them were made from the noise of a record.
    """
    if arguments.deep:
        return _check_deeply(arguments, console)
    found = asyncio.run(_verify(arguments, transport))
    if arguments.json:
        console.answer_json({"pictures": list(map(_to_json, arguments.picture, found))})
    else:
        for path, verification in zip(arguments.picture, found, strict=True):
            console.answer(_headline(path, verification))
            for sentence in verification.sentences:
                console.answer(f"  {sentence}")
    return 0 if all(map(_is_as_released, found)) else 1


def _check_deeply(arguments: argparse.Namespace, console: Console) -> int:
    try:
        from instantid_server.errors import InstantIDError as ServerError
        from instantid_server.trust.deep_check import DeepCheck
        from instantid_server.trust.keys import Keys, KeysError, default_keys_folder
        from instantid_server.trust.record_file import (
            RecordFileError,
            default_records_path,
            read_records,
        )
    except ModuleNotFoundError as error:
        return tell_missing_package("verify --deep", error, console)
    try:
        keys = Keys.load(arguments.keys or default_keys_folder())
        records = list(read_records(arguments.records or default_records_path()))
        check = DeepCheck.load(arguments.model_repository, keys.noise, arguments.device)
        found = {path: check.check(Path(path).read_bytes(), records) for path in arguments.picture}
    except (KeysError, RecordFileError, ServerError) as error:
        console.tell(str(error))
        return 1
    if arguments.json:
        pictures = [{"path": path, **asdict(finding)} for path, finding in found.items()]
        console.answer_json({"pictures": pictures})
    else:
        for path, finding in found.items():
            named = f" ({', '.join(finding.record_ids)})" if finding.record_ids else ""
            console.answer(f"{path}  noise {finding.noise}{named}, of {finding.compared} records")
    return 0 if all(finding.record_ids for finding in found.values()) else 1


async def _verify(
    arguments: argparse.Namespace, transport: AsyncTransport | None
) -> Sequence[Verification]:
    async with client_of(arguments, transport, tenant=arguments.tenant) as client:
        return [await client.verify(path) for path in arguments.picture]


def _is_as_released(verification: Verification) -> bool:
    return (verification.credentials, verification.record) == (
        CredentialsState.TRUSTED,
        RecordState.MATCH,
    )


def _headline(path: str, verification: Verification) -> str:
    words = f"credentials {verification.credentials}, mark {verification.mark}"
    record = f"record {verification.record}"
    known = "" if verification.record_id is None else f" ({verification.record_id})"
    return f"{path}  {words}, {record}{known}"


def _to_json(path: str, verification: Verification) -> dict[str, object]:
    return {
        "path": path,
        "credentials": verification.credentials,
        "mark": verification.mark,
        "record": verification.record,
        "record_id": verification.record_id,
        "sentences": list(verification.sentences),
    }
