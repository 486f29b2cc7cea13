"""The events of a stream, from its responses. Both loops close their transport's generator."""

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing

from instantid_client._errors import UnexpectedAnswer
from instantid_client._requests import Tensors
from instantid_client._results import Event, Generation, event_of

_CUT_SHORT = "the stream ended before the pictures came"


def events(
    responses: Generator[Tensors, None, None], request_id: str
) -> Generator[Event, None, None]:
    """Yield the event of each response; the last one has to be the generation."""
    event: Event | None = None
    with closing(responses):
        for outputs in responses:
            event = event_of(outputs, request_id)
            yield event
    if not isinstance(event, Generation):
        raise UnexpectedAnswer(_CUT_SHORT)


async def async_events(
    responses: AsyncGenerator[Tensors, None], request_id: str
) -> AsyncGenerator[Event, None]:
    """Do the same for asyncio."""
    event: Event | None = None
    async with aclosing(responses):
        async for outputs in responses:
            event = event_of(outputs, request_id)
            yield event
    if not isinstance(event, Generation):
        raise UnexpectedAnswer(_CUT_SHORT)
