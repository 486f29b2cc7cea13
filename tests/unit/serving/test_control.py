"""What probes and operators are told."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from urllib.request import urlopen

import pytest
from fake_triton import FakeTriton, fake_triton

from instantid_server.serving import control
from instantid_server.serving.control import ControlPort
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.state import Phase, StateBoard
from scripts.control_port import ask
from scripts.free_ports import free_ports


@dataclass
class Setting:
    """A control port and all that it asks."""

    url: str
    board: StateBoard
    triton: FakeTriton
    drained: Event


@pytest.fixture
def setting(desk: AdmissionDesk, tmp_path: Path) -> Iterator[Setting]:
    board, drained, number = StateBoard(), Event(), free_ports(1)[0]
    board.enter(Phase.READY)
    with fake_triton({"unet": "READY", "instantid": "READY"}) as triton:
        address = ("127.0.0.1", number)
        port = ControlPort(address, board, desk, triton.api, drained.set, tmp_path)
        port.start()
        yield Setting(f"127.0.0.1:{number}", board, triton, drained)
        port.stop()


def test_server_with_all_models_is_ready(setting: Setting) -> None:
    assert ask(setting.url, "/ready") == (200, {"ready": True})


@pytest.mark.parametrize("phase", set(Phase) - {Phase.READY})
def test_server_that_is_about_something_else_is_not_ready(setting: Setting, phase: Phase) -> None:
    setting.board.enter(phase)
    assert ask(setting.url, "/ready") == (503, {"ready": False})


def test_server_with_a_model_that_is_not_ready_is_not(setting: Setting) -> None:
    setting.triton.states["unet"] = "UNAVAILABLE"
    assert ask(setting.url, "/ready")[0] == 503
    assert ask(setting.url, "/status")[1]["models"]["unet"] == "UNAVAILABLE"


def test_server_is_live_until_its_main_thread_is_silent(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(setting.url, "/live") == (200, {"live": True})
    monkeypatch.setattr(control, "_STALLED_S", 0.0)
    assert ask(setting.url, "/live") == (503, {"live": False})


def test_status_has_state_models_admission_and_counts(setting: Setting) -> None:
    setting.board.count_restart()
    setting.board.show_reloading(frozenset({"unet"}))
    status, document = ask(setting.url, "/status")
    assert status == 200
    assert document == {
        "state": "reloading",
        "models": {"unet": "RELOADING", "instantid": "READY"},
        "admission": {
            "running": 0,
            "waiting": 0,
            "max_running_pictures": 8,
            "max_waiting": 32,
            "seconds_per_step": None,
        },
        "restarts": 1,
        "reloads": 0,
    }


def test_metrics_say_which_model_is_away_and_how_often_one_was(setting: Setting) -> None:
    setting.board.count_reload("unet")
    setting.board.count_restart()
    setting.board.show_reloading(frozenset({"unet"}))
    with urlopen(f"http://{setting.url}/metrics") as answer:
        series = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
    assert series["instantid_ready"] == "0"
    assert series['instantid_phase{phase="reloading"}'] == "1"
    assert series['instantid_model_ready{model="unet"}'] == "0"
    assert series['instantid_model_ready{model="instantid"}'] == "1"
    assert series['instantid_stage_reloads_total{model="unet"}'] == "1"
    assert series["instantid_triton_restarts_total"] == "1"
    assert int(series["instantid_records_free_bytes"]) > 0


def test_drain_is_passed_on(setting: Setting) -> None:
    assert ask(setting.url, "/drain", "POST")[0] == 202
    assert setting.drained.is_set()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/drain", 404), ("POST", "/ready", 404), ("GET", "/", 404)],
)
def test_other_paths_are_not_there(setting: Setting, method: str, path: str, status: int) -> None:
    assert ask(setting.url, path, method)[0] == status
    assert not setting.drained.is_set()


def test_page_of_the_web_cannot_drain(setting: Setting) -> None:
    assert ask(setting.url, "/drain", "POST", {"Origin": "https://example.org"})[0] == 403
    assert not setting.drained.is_set()
