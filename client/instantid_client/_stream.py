"""The events of a stream, from its responses. Both loops close their transport's generator.

The generation is held until the server has ended the stream: whoever has it may stop listening, and
Triton 2.51 loses some kilobytes for each gRPC stream that is closed from this side.
"""

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
    generation: Generation | None = None
    with closing(responses):
        for outputs in responses:
            event = event_of(outputs, request_id)
            if isinstance(event, Generation):
                generation = event
            else:
                yield event
    if generation is None:
        raise UnexpectedAnswer(_CUT_SHORT)
    yield generation


async def async_events(
    responses: AsyncGenerator[Tensors, None], request_id: str
) -> AsyncGenerator[Event, None]:
    """Do the same for asyncio."""
    generation: Generation | None = None
    async with aclosing(responses):
        async for outputs in responses:
            event = event_of(outputs, request_id)
            if isinstance(event, Generation):
                generation = event
            else:
                yield event
    if generation is None:
        raise UnexpectedAnswer(_CUT_SHORT)
    yield generation
