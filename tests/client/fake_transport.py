"""A transport that answers from a script and remembers what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass, field

from instantid_client import InstantIDError
from instantid_client._call import Call
from instantid_client._requests import Tensors


@dataclass
class Script:
    """What a transport says next, and what it heard."""

    answers: Sequence[Tensors | InstantIDError] = ()
    failures: Sequence[InstantIDError] = ()  # of the first requests, one each, before any answer
    unready: frozenset[str | None] = frozenset()
    requests: list[tuple[str, Tensors, Call]] = field(default_factory=list)
    num_running: int = 0
    max_running: int = 0  # requests at a time
    num_cancelled: int = 0
    num_closed: int = 0

    def play(self, model: str, inputs: Tensors, call: Call) -> Generator[Tensors, None, None]:
        """Yield the answers; one that is left before its end counts as cancelled."""
        failure = self.failures[len(self.requests) : len(self.requests) + 1]
        answers = failure if failure else self.answers
        self.requests.append((model, inputs, call))
        self.num_running += 1
        self.max_running = max(self.max_running, self.num_running)
        ended = False
        try:
            for answer in answers:
                if isinstance(answer, InstantIDError):
                    ended = True
                    raise answer
                yield answer
            ended = True
        finally:
            self.num_running -= 1
            self.num_cancelled += not ended


class FakeTransport:
    """The script behind blocking calls."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        (answer,) = self._script.play(model, inputs, call)
        return answer

    def stream(self, model: str, inputs: Tensors, call: Call) -> Generator[Tensors, None, None]:
        yield from self._script.play(model, inputs, call)

    def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        return model not in self._script.unready

    def server_version(self, *, timeout_s: float | None) -> str:
        return "2.51.0"

    def close(self) -> None:
        self._script.num_closed += 1


class FakeAsyncTransport:
    """The same script behind asyncio calls."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._blocking = FakeTransport(script)

    async def infer(self, model: str, inputs: Tensors, call: Call) -> Tensors:
        return self._blocking.infer(model, inputs, call)

    async def stream(
        self, model: str, inputs: Tensors, call: Call
    ) -> AsyncGenerator[Tensors, None]:
        answers = self._script.play(model, inputs, call)
        try:
            for answer in answers:
                await asyncio.sleep(0)  # others may run, as while a network is waited for
                yield answer
        finally:
            answers.close()

    async def is_ready(self, model: str | None, *, timeout_s: float | None) -> bool:
        return self._blocking.is_ready(model, timeout_s=timeout_s)

    async def server_version(self, *, timeout_s: float | None) -> str:
        return self._blocking.server_version(timeout_s=timeout_s)

    async def close(self) -> None:
        self._blocking.close()
