"""`instantid status`: whether the server and each of its models take requests."""

import argparse
import asyncio

from instantid_client._client import AsyncClient
from instantid_client._console import Console
from instantid_client._results import ServerStatus
from instantid_client._transport import AsyncTransport


def run(arguments: argparse.Namespace, console: Console, transport: AsyncTransport | None) -> int:
    """Tell the status and return 0, or 1 if anything is not ready."""
    client = AsyncClient(
        arguments.url,
        protocol=arguments.protocol,
        timeout_s=arguments.timeout,
        transport=transport,
    )
    status = asyncio.run(_ask(client))
    if arguments.json:
        console.answer_json(
            {"version": status.version, "ready": status.ready, "models": dict(status.models)}
        )
    else:
        console.answer(f"Triton {status.version}  {_word(status.ready)}")
        width = max(map(len, status.models))
        for name, ready in status.models.items():
            console.answer(f"{name:<{width}}  {_word(ready)}")
    return 0 if status.ready and all(status.models.values()) else 1


async def _ask(client: AsyncClient) -> ServerStatus:
    async with client:
        return await client.status()


def _word(ready: bool) -> str:
    return "ready" if ready else "not ready"
