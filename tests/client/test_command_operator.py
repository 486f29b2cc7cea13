"""What an operator asks of a server on the command line: status, cancel, drain."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from instantid_client.cli import main
from instantid_server.contract import MODELS
from instantid_server.serving.state import Phase
from tests.client.control_server import ControlServer, free_port, running_control
from tests.client.fake_transport import FakeAsyncTransport, Script

ELSEWHERE = ("--url", "127.0.0.1:1")  # not the default, beside which a control port is asked


def run(script: Script, *arguments: str) -> int:
    return main(arguments, transport=FakeAsyncTransport(script))


@pytest.fixture
def control(tmp_path: Path) -> Iterator[ControlServer]:
    with running_control(tmp_path) as server:
        yield server


@pytest.mark.parametrize(("unready", "code"), [((), 0), (("unet",), 1), ((None,), 1)])
def test_status_tells_every_model(
    capsys: pytest.CaptureFixture[str], unready: tuple[str | None, ...], code: int
) -> None:
    script = Script(unready=frozenset(unready))
    assert run(script, "status", *ELSEWHERE) == code
    assert run(script, "status", *ELSEWHERE, "--json") == code
    *lines, as_json = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["Triton", *MODELS]
    status = json.loads(as_json)
    assert (status["version"], status["ready"]) == ("2.51.0", None not in unready)
    assert status["models"]["unet"] == ("unet" not in unready)
    assert status["service"] is None


def test_status_tells_what_the_server_is_about(
    control: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Script(), "status", "--control-url", control.url) == 0
    service, requests, *_ = capsys.readouterr().out.splitlines()
    assert service == "service ready, restarts 0, reloads 0"
    assert requests.startswith("requests running 0, waiting 0 of at most 32; at most 8 pictures")
    assert requests.endswith("seconds a step: unknown")


def test_status_in_json_has_what_the_server_says(
    control: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    control.board.enter(Phase.DRAINING)
    assert run(Script(), "status", "--control-url", control.url, "--json") == 1
    service = json.loads(capsys.readouterr().out)["service"]
    assert (service["state"], service["admission"]["max_waiting"]) == ("draining", 32)


def test_status_is_told_while_triton_is_started_again(
    control: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    control.board.enter(Phase.RESTARTING)
    url = f"127.0.0.1:{free_port()}"
    assert main(["status", "--url", url, "--control-url", control.url]) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("service restarting")
    assert "unet" in captured.out
    assert captured.err.startswith("instantid: [CONNECTION_FAILED]")


@pytest.mark.parametrize("command", ["status", "drain"])
@pytest.mark.parametrize(
    ("url", "code"),
    [
        pytest.param("grpc://127.0.0.1:1", "INVALID_INPUT", id="no-http"),
        pytest.param("127.0.0.1:http", "INVALID_INPUT", id="no-port"),
        pytest.param("127.0.0.1:{free}", "CONNECTION_FAILED", id="nobody-there"),
        pytest.param("http://{control}/elsewhere", "UNEXPECTED_ANSWER", id="another-server"),
    ],
)
def test_control_port_that_is_none_is_one_line(
    control: ControlServer, capsys: pytest.CaptureFixture[str], command: str, url: str, code: str
) -> None:
    named = url.format(free=free_port(), control=control.url)
    assert run(Script(), command, "--control-url", named) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"instantid: [{code}] ")
    assert error.count("\n") == 1


def test_drain_returns_when_the_server_has_ended(
    control: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Script(), "drain", "--control-url", control.url) == 0
    assert control.drained.is_set()
    assert capsys.readouterr().out == "the server has ended\n"
    assert run(Script(), "drain", "--control-url", control.url) == 1


def test_drain_that_does_not_wait_returns_at_once(
    control: ControlServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(Script(), "drain", "--control-url", control.url, "--no-wait") == 0
    assert control.drained.is_set()
    assert capsys.readouterr().out == "the server drains\n"


@pytest.mark.parametrize(("count", "code"), [(1, 0), (0, 1)])
def test_cancel_says_how_many_requests_it_stopped(
    capsys: pytest.CaptureFixture[str], count: int, code: int
) -> None:
    script = Script([{"cancelled": np.array([count], np.int32)}])
    assert run(script, "cancel", "r1", "--tenant", "a") == code
    assert run(script, "cancel", "r1", "--tenant", "a", "--json") == code
    line, as_json = capsys.readouterr().out.splitlines()
    assert (line, json.loads(as_json)) == (f"cancelled {count}", {"cancelled": count})
    model, inputs, call = script.requests[0]
    assert (model, inputs["request_id"].tolist()) == ("instantid_cancel", [b"r1"])
    assert call.parameters == {"tenant": "a"}
