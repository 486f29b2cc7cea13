"""Sends mutated requests until one is answered as none may be, and makes that one small."""

import http.client
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hypothesis import HealthCheck, given, seed, settings, strategies

from instantid_server.serving.stubs import find_stubs
from scripts.control_port import is_ready
from scripts.fuzz.mutations import raw_requests
from scripts.fuzz.raw_request import RawAnswer, RawRequest, RawSender
from scripts.fuzz.verdict import complaint
from scripts.local_server import server_name


@dataclass(frozen=True)
class Target:
    """What fuzz needs to know of a running server."""

    grpc_url: str
    http_url: str
    control_url: str
    entry_pid: int


@dataclass(frozen=True)
class Outcome:
    """What happened."""

    answers: Mapping[str, int]  # by status
    wrongs: tuple[str, ...]


def fuzz(target: Target, examples: int, number: int) -> Outcome:
    """Send `examples` requests of the seed `number`, fewer if one of them shows a fault."""
    sender = RawSender(target.grpc_url, target.http_url)
    answers: Counter[str] = Counter()
    stubs = find_stubs(server_name(target.entry_pid))

    @seed(number)
    @settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=[*HealthCheck]
    )
    @given(strategies.sampled_from(("grpc", "http")), raw_requests())
    def every_answer_is_in_order(protocol: str, request: RawRequest) -> None:
        answer = _send(sender, protocol, request)
        answers[answer.status] += 1
        found = complaint(answer)
        assert found is None, f"{protocol}, {request}: the answer {found}"

    wrongs = []
    try:
        every_answer_is_in_order()
    except AssertionError as error:
        wrongs.append(str(error))
    finally:
        sender.close()
    if find_stubs(server_name(target.entry_pid)) != stubs:
        wrongs.append("a process of the server has ended")
    if not is_ready(target.control_url):
        wrongs.append("the server is not ready at the end")
    return Outcome(answers, tuple(wrongs))


def _send(sender: RawSender, protocol: str, request: RawRequest) -> RawAnswer:
    try:
        return sender.send(protocol, request)
    except (OSError, http.client.HTTPException) as error:
        return RawAnswer("no answer", type(error).__name__)
