"""`instantid cancel`: stop a request, waiting or running, by its id."""

import argparse
import asyncio

from instantid_client._console import Console
from instantid_client._server_flags import add_tenant_flag, client_of
from instantid_client._transport import AsyncTransport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `cancel`."""
    parser.add_argument("request_id", metavar="REQUEST_ID", help="as its caller named the request")
    add_tenant_flag(parser)


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Cancel, tell how many requests that stopped, and return 0, or 1 if there was none."""
    count = asyncio.run(_cancel(arguments, transport))
    if arguments.json:
        console.answer_json({"cancelled": count})
    else:
        console.answer(f"cancelled {count}")
    return 0 if count else 1


async def _cancel(arguments: argparse.Namespace, transport: AsyncTransport | None) -> int:
    async with client_of(arguments, transport, tenant=arguments.tenant) as client:
        return await client.cancel(arguments.request_id)
