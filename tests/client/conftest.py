"""What several tests of the client run on."""

from collections.abc import Iterator

import pytest

from tests.client.programs import Asyncio, Blocking, Program
from tests.client.triton_stub import TritonStub, running_stub


@pytest.fixture(params=[Blocking, Asyncio])
def program(request: pytest.FixtureRequest) -> Program:
    kind: Program = request.param
    return kind


@pytest.fixture
def stub() -> Iterator[tuple[TritonStub, str]]:
    with running_stub() as running:
        yield running
