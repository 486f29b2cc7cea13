"""`instantid enroll`: a photo's face as a card, which later stands for the photo."""

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

from instantid_client._consent_flags import add_consent_flags, token_asked_for
from instantid_client._console import Console
from instantid_client._results import Enrolment
from instantid_client._server_flags import add_tenant_flag, client_of
from instantid_client._server_half import tell_missing_package
from instantid_client._transport import AsyncTransport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `enroll`."""
    parser.add_argument("photo", metavar="PHOTO", help="of one face")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="(default: PHOTO.card, beside the photo)"
    )
    parser.add_argument(
        "--face-index", type=int, metavar="N", help="of several faces, from left to right, from 0"
    )
    add_tenant_flag(parser)
    add_consent_flags(parser)


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Write the card and tell what an issuer can bind a consent to; return the exit code."""
    given: Path | None = arguments.output
    path = Path(f"{arguments.photo}.card") if given is None else given
    try:
        token = token_asked_for(arguments.photo, arguments)
    except ModuleNotFoundError as error:
        return tell_missing_package("enroll --i-have-consent", error, console)
    enrolment = asyncio.run(_enroll(arguments, token, transport))
    path.write_text(f"{enrolment.face_card}\n")
    if arguments.json:
        console.answer_json({"path": str(path), **asdict(enrolment)})
    else:
        console.answer(f"{path}  for this server and tenant alone")
        console.answer(f"template {enrolment.face_template}")
    return 0


async def _enroll(
    arguments: argparse.Namespace, token: str | None, transport: AsyncTransport | None
) -> Enrolment:
    async with client_of(arguments, transport, tenant=arguments.tenant) as client:
        return await client.enroll(
            arguments.photo, face_index=arguments.face_index, consent_token=token
        )
