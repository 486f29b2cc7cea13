"""Asking again: how often, how long after a refusal, and within which time.

Only what may well succeed the next time is tried again, and a request is the same each time: its
seed is settled before the first try.
"""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from instantid_client._call import Call, Request
from instantid_client._errors import (
    ConnectionFailed,
    DeadlineExceeded,
    Draining,
    ModelNotReady,
    Overloaded,
    Unavailable,
)

_RETRIED = (Overloaded, Draining, ModelNotReady, ConnectionFailed)
_FIRST_PAUSE_S = 1.0  # where the server gave no hint; doubled from try to try
_SPREAD = 0.25  # at most so much longer, so that those refused together do not return together
_SEEDS = 2**63 - 1  # as many as the server draws from

T = TypeVar("T")


def with_seed(request: Request) -> Request:
    """Return `request` with a seed, so that every try of it draws the same pictures."""
    return request if request.seed is not None else replace(request, seed=secrets.randbelow(_SEEDS))


class Tries:
    """The tries of one request. They share its timeout."""

    def __init__(self, call: Call, retries: int) -> None:
        self._call = call
        self._left = retries
        self._pause_s = _FIRST_PAUSE_S
        self._ends = None if call.timeout_s is None else time.monotonic() + call.timeout_s

    def call(self) -> Call:
        """Return how the next try is sent: with the time that is left."""
        left_s = self._left_s()
        if left_s is not None and left_s <= 0:
            raise DeadlineExceeded("timeout_s passed between two tries")
        return replace(self._call, timeout_s=left_s)

    def pause_s(self, error: Unavailable) -> float:
        """Return how long to wait before the next try; raises `error` if there is to be none."""
        if self._left == 0 or not isinstance(error, _RETRIED):
            raise error
        hint_s = error.retry_after_s
        pause_s = self._pause_s if hint_s is None else hint_s
        pause_s *= random.uniform(1, 1 + _SPREAD)
        left_s = self._left_s()
        if left_s is not None and pause_s >= left_s:
            raise error
        self._left -= 1
        self._pause_s *= 2
        return pause_s

    def _left_s(self) -> float | None:
        return None if self._ends is None else self._ends - time.monotonic()


def retried(tries: Tries, send: Callable[[Call], T]) -> T:
    """Return what `send` returns, asking again as `tries` say."""
    while True:
        try:
            return send(tries.call())
        except Unavailable as error:
            time.sleep(tries.pause_s(error))


async def retried_async(tries: Tries, send: Callable[[Call], Awaitable[T]]) -> T:
    """Do the same for asyncio."""
    while True:
        try:
            return await send(tries.call())
        except Unavailable as error:
            await asyncio.sleep(tries.pause_s(error))


def retried_stream(
    tries: Tries, open_stream: Callable[[Call], Generator[T, None, None]]
) -> Generator[T, None, None]:
    """Return a stream that is opened again, and starts over, if it breaks.

    The first one is opened now: a transport that has no streams says so before anyone listens.
    """
    return _reopened(tries, open_stream, open_stream(tries.call()))


def _reopened(
    tries: Tries,
    open_stream: Callable[[Call], Generator[T, None, None]],
    stream: Generator[T, None, None],
) -> Generator[T, None, None]:
    while True:
        try:
            yield from stream
            return
        except Unavailable as error:
            time.sleep(tries.pause_s(error))
        stream = open_stream(tries.call())


def retried_stream_async(
    tries: Tries, open_stream: Callable[[Call], AsyncGenerator[T, None]]
) -> AsyncGenerator[T, None]:
    """Do the same for asyncio."""
    return _reopened_async(tries, open_stream, open_stream(tries.call()))


async def _reopened_async(
    tries: Tries,
    open_stream: Callable[[Call], AsyncGenerator[T, None]],
    stream: AsyncGenerator[T, None],
) -> AsyncGenerator[T, None]:
    while True:
        try:
            async with aclosing(stream):
                async for item in stream:
                    yield item
            return
        except Unavailable as error:
            await asyncio.sleep(tries.pause_s(error))
        stream = open_stream(tries.call())
