"""`make fuzz` in short: what no client would send."""

import pytest

from scripts.fuzz.run import Target, fuzz
from tests.e2e.server import RunningServer

pytestmark = pytest.mark.triton

EXAMPLES = 250
SEED = 7


def test_nonsense_is_refused_with_a_code_and_breaks_nothing(server: RunningServer) -> None:
    target = Target(server.grpc_url, server.http_url, server.control_url, server.process.pid)
    outcome = fuzz(target, EXAMPLES, SEED)
    assert outcome.wrongs == ()
    assert sum(outcome.answers.values()) >= EXAMPLES
    assert outcome.answers["OK"]  # some were no nonsense, so the way is open
