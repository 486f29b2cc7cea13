"""The same program twice: with the blocking client and with that of asyncio."""

import asyncio
from contextlib import aclosing
from typing import Any, TypeAlias

from instantid_client import (
    AsyncClient,
    Client,
    Enrolment,
    Event,
    Generation,
    ServerStatus,
    Verification,
)
from tests.client.fake_transport import FakeAsyncTransport, FakeTransport, Script


class Blocking:
    """What a program with `Client` does."""

    def __init__(self, script: Script, *, tenant: str | None = None, retries: int = 0) -> None:
        self._client = Client(
            transport=FakeTransport(script), timeout_s=9.0, tenant=tenant, retries=retries
        )

    def generate(self, **options: Any) -> Generation:
        with self._client as client:
            return client.generate(**options)

    def events(self, num_wanted: int, **options: Any) -> list[Event]:
        """Return the first events of a stream, and leave it then."""
        events: list[Event] = []
        for event in self._client.stream(**options):
            events.append(event)
            if len(events) == num_wanted:
                break
        return events

    def cancel(self, request_id: str, tenant: str | None = None) -> int:
        return self._client.cancel(request_id, tenant=tenant)

    def enroll(self, photo: Any, **options: Any) -> Enrolment:
        return self._client.enroll(photo, **options)

    def verify(self, picture: Any) -> Verification:
        return self._client.verify(picture)

    def status(self) -> ServerStatus:
        return self._client.status()


class Asyncio:
    """What a program with `AsyncClient` does."""

    def __init__(self, script: Script, *, tenant: str | None = None, retries: int = 0) -> None:
        self._client = AsyncClient(
            transport=FakeAsyncTransport(script), timeout_s=9.0, tenant=tenant, retries=retries
        )

    def generate(self, **options: Any) -> Generation:
        async def generate() -> Generation:
            async with self._client as client:
                return await client.generate(**options)

        return asyncio.run(generate())

    def events(self, num_wanted: int, **options: Any) -> list[Event]:
        async def collect() -> list[Event]:
            events: list[Event] = []
            async with aclosing(self._client.stream(**options)) as stream:
                async for event in stream:
                    events.append(event)
                    if len(events) == num_wanted:
                        break
            return events

        return asyncio.run(collect())

    def cancel(self, request_id: str, tenant: str | None = None) -> int:
        return asyncio.run(self._client.cancel(request_id, tenant=tenant))

    def enroll(self, photo: Any, **options: Any) -> Enrolment:
        return asyncio.run(self._client.enroll(photo, **options))

    def verify(self, picture: Any) -> Verification:
        return asyncio.run(self._client.verify(picture))

    def status(self) -> ServerStatus:
        return asyncio.run(self._client.status())


Program: TypeAlias = type[Blocking] | type[Asyncio]
