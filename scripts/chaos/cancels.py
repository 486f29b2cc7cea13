"""Requests that are given up at random moments, in each of the ways in which one can be."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping
from time import monotonic
from typing import Any, TypeAlias

from instantid_client import AsyncClient, Cancelled
from scripts.local_server import LocalServer
from scripts.steady.endings import Ended, Ending, failed
from scripts.steady.load import TIMEOUT_S

_AT_ONCE = 6
_LATEST_S = 1.5  # a request given up this late may be done

# Sends a request and gives it up after so many seconds.
_GiveUp: TypeAlias = Callable[[float], Awaitable[Ending]]


def give_up_many(
    server: LocalServer, request: Mapping[str, Any], count: int, seed: int
) -> list[Ended]:
    """Send `count` requests, give each up, and return how they ended for their callers."""
    return asyncio.run(_give_up_many(server, request, count, seed))


async def _give_up_many(
    server: LocalServer, request: Mapping[str, Any], count: int, seed: int
) -> list[Ended]:
    draw = random.Random(seed)
    room = asyncio.Semaphore(_AT_ONCE)
    async with (
        AsyncClient(server.grpc_url, timeout_s=TIMEOUT_S) as over_grpc,
        AsyncClient(server.http_url, protocol="http", timeout_s=TIMEOUT_S) as over_http,
    ):
        ways: dict[str, _GiveUp] = {
            "hang up": lambda after_s: _hang_up(over_grpc, request, after_s),
            "leave a stream": lambda after_s: _leave_stream(over_grpc, request, after_s),
            "cancel by id": lambda after_s: _cancel(over_http, request, after_s),
        }

        async def give_up(number: int) -> Ended:
            way = draw.choice([*ways])
            after_s = draw.uniform(0, _LATEST_S)
            async with room:
                return await _timed(way, ways[way](after_s))

        return await asyncio.gather(*(give_up(number) for number in range(count)))


async def _timed(way: str, giving_up: Awaitable[Ending]) -> Ended:
    began_s = monotonic()
    try:
        ending = await giving_up
    except Exception as error:  # what is no InstantIDError is judged as well
        return failed(way, began_s, error)
    return Ended(way, began_s, monotonic(), ending, code="")


async def _hang_up(client: AsyncClient, request: Mapping[str, Any], after_s: float) -> Ending:
    try:
        async with asyncio.timeout(after_s):
            await client.generate(**request)
    except TimeoutError:
        return Ending.GIVEN_UP
    return Ending.PICTURE


async def _leave_stream(client: AsyncClient, request: Mapping[str, Any], after_s: float) -> Ending:
    try:
        async with asyncio.timeout(after_s), contextlib.aclosing(client.stream(**request)) as told:
            async for _ in told:
                pass
    except TimeoutError:
        return Ending.GIVEN_UP
    return Ending.PICTURE


async def _cancel(client: AsyncClient, request: Mapping[str, Any], after_s: float) -> Ending:
    """Give a request up from elsewhere; its caller has to be told."""
    request_id = f"given-up-{monotonic()}"
    asked = asyncio.create_task(client.generate(**request, request_id=request_id))
    done, _ = await asyncio.wait([asked], timeout=after_s)
    if not done:
        await client.cancel(request_id)
    try:
        await asked
    except Cancelled:
        return Ending.GIVEN_UP
    return Ending.PICTURE
