"""What breaks in a running server, what mends it, and how it ends without losing a picture."""

import os
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from instantid_client import Client, InstantIDError
from instantid_server.contract import ErrorCode
from instantid_server.desk_link import DeskLink
from instantid_server.serving.remains import find_processes
from instantid_server.serving.stubs import find_stubs
from scripts.control_port import ask, is_ready
from tests.e2e.light_repository import write_light_repositories
from tests.e2e.patience import wait_until
from tests.e2e.photos import PORTRAIT
from tests.e2e.raw import infer_grpc, text
from tests.e2e.server import RunningServer, running_server

pytestmark = [pytest.mark.triton, pytest.mark.timeout(180)]

SEEN_S = 2.0
BACK_S = 60.0  # on a machine that does much else
PICTURE_S = 3.0  # long enough to be under way when something else happens
# The real adapter and desk, with a picture that takes its time instead of a network's.
SLOW_NODE = f"""
import time

import numpy as np

from instantid_server.adapter import TritonPipeline
from instantid_server.contract import INSTANTID, PriorityClass
from instantid_server.demand import Demand
from instantid_server.turn import take_turn


class Slow:
    def generate(self, inputs, exchange):
        demand = Demand("", "", PriorityClass.NORMAL, 1, 1, 1, None)
        with take_turn(exchange.desk, demand, exchange.caller, exchange.is_cancelled):
            time.sleep({PICTURE_S})
        note = np.array([b"done"], dtype=np.object_)
        return {{"identity_note": note, "identity_similarity": np.ones(1, np.float32)}}


class TritonPythonModel(TritonPipeline):
    spec = INSTANTID
    load = staticmethod(lambda context: Slow())
"""


# Calls a stage that never answers.
CALLING_NODE = """
import numpy as np

from instantid_server.adapter import TritonPipeline
from instantid_server.contract import INSTANTID, PriorityClass
from instantid_server.demand import Demand
from instantid_server.turn import take_turn


class Calling:
    def generate(self, inputs, exchange):
        demand = Demand("", "", PriorityClass.NORMAL, 1, 1, 1, None)
        with take_turn(exchange.desk, demand, exchange.caller, exchange.is_cancelled):
            nobody = np.zeros((1, 512), np.float32)
            exchange.call("id_resampler", {"face_embedding": nobody}, ["identity_tokens"])


class TritonPythonModel(TritonPipeline):
    spec = INSTANTID
    load = staticmethod(lambda context: Calling())
"""
ENDLESS_STAGE = """
import threading


class TritonPythonModel:
    def execute(self, requests):
        threading.Event().wait()
"""


@pytest.fixture
def light(tmp_path: Path) -> Iterator[RunningServer]:
    models, ensembles = write_light_repositories(tmp_path)
    (models / "instantid" / "1" / "model.py").write_text(SLOW_NODE)
    with running_server(tmp_path, models, ensembles) as server:
        yield server


@pytest.fixture
def caller() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


def lease_name(server: RunningServer) -> str:
    return f"instantid-{server.process.pid}-"


def kill_stub(server: RunningServer, model: str) -> None:
    (pid,) = [pid for pid, served in find_stubs(lease_name(server)).items() if served == model]
    os.kill(pid, signal.SIGKILL)


def kill_triton(server: RunningServer) -> None:
    (pid,) = [pid for pid in find_processes(lease_name(server)) if is_triton(pid)]
    os.kill(pid, signal.SIGKILL)


def is_triton(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].endswith(b"tritonserver")


def draw(server: RunningServer) -> bytes:
    note: bytes = infer_grpc(server.grpc_url, {"prompt": text("x")})["identity_note"][0]
    return note


def begin_picture(server: RunningServer, caller: ThreadPoolExecutor) -> Future[bytes]:
    picture = caller.submit(draw, server)
    wait_until(lambda: running(server) == 1, 20, "the picture is under way")
    return picture


def failure(picture: Future[bytes]) -> str:
    return str(picture.exception(BACK_S))


def running(server: RunningServer) -> int:
    count: int = ask(server.control_url, "/status")[1]["admission"]["running"]
    return count


def wait_until_mended(server: RunningServer) -> None:
    wait_until(lambda: not is_ready(server.control_url), SEEN_S, "the fault is seen")
    wait_until(lambda: is_ready(server.control_url), BACK_S, "the server is ready again")


def test_probes_are_green_and_status_names_every_model(light: RunningServer) -> None:
    assert ask(light.control_url, "/live") == (200, {"live": True})
    assert ask(light.control_url, "/ready") == (200, {"ready": True})
    status = ask(light.control_url, "/status")[1]
    assert status["state"] == "ready"
    assert set(status["models"].values()) == {"READY"}
    assert status["admission"]["max_running_pictures"] == 8


@pytest.mark.parametrize("model", ["unet", "face_detector", "face_analysis", "instantid_cancel"])
def test_killed_stage_is_seen_and_loaded_again(light: RunningServer, model: str) -> None:
    kill_stub(light, model)
    wait_until_mended(light)
    status = ask(light.control_url, "/status")[1]
    assert (status["reloads"], status["restarts"]) == (1, 0)
    assert model in find_stubs(lease_name(light)).values()
    assert draw(light) == b"done"


def test_stage_that_calls_itself_broken_is_loaded_again(light: RunningServer) -> None:
    (before,) = [p for p, model in find_stubs(lease_name(light)).items() if model == "unet"]
    (scratch,) = Path(os.environ.get("TMPDIR", "/tmp")).glob(f"{lease_name(light)}*")
    DeskLink(scratch / "desk.sock").report_broken("unet")
    wait_until(lambda: ask(light.control_url, "/status")[1]["reloads"] == 1, BACK_S, "reloaded")
    assert before not in find_stubs(lease_name(light))
    assert is_ready(light.control_url)


def test_call_to_a_stage_that_dies_ends_in_an_error_of_ours(
    tmp_path: Path, caller: ThreadPoolExecutor
) -> None:
    models, ensembles = write_light_repositories(tmp_path)
    (models / "instantid" / "1" / "model.py").write_text(CALLING_NODE)
    (models / "id_resampler" / "1" / "model.py").write_text(ENDLESS_STAGE)
    with running_server(tmp_path, models, ensembles) as server:
        picture = begin_picture(server, caller)
        kill_stub(server, "id_resampler")
        assert re.search(
            r"\[(STAGE_FAILED|MODEL_NOT_READY)\] the stage id_resampler", failure(picture)
        )
        wait_until(lambda: is_ready(server.control_url), BACK_S, "the server is ready again")


def test_callers_of_a_killed_stage_get_an_error_of_ours(
    server: RunningServer, caller: ThreadPoolExecutor
) -> None:
    with Client(server.grpc_url, timeout_s=BACK_S) as client:
        generate = partial(client.generate, prompt="a portrait", face_image=PORTRAIT)
        picture = caller.submit(generate, num_inference_steps=150)
        wait_until(lambda: running(server) == 1, BACK_S, "the picture is under way")
        kill_stub(server, "unet")
        error = picture.exception()
        assert isinstance(error, InstantIDError)
        assert error.code in (ErrorCode.STAGE_FAILED, ErrorCode.MODEL_NOT_READY)
        wait_until(lambda: is_ready(server.control_url), BACK_S, "the server is ready again")
        assert len(generate(num_inference_steps=2).pictures) == 1


@pytest.mark.parametrize("model", ["instantid", "instantid_stream"])
def test_killed_orchestrator_has_triton_started_again(light: RunningServer, model: str) -> None:
    kill_stub(light, model)
    wait_until_mended(light)
    status = ask(light.control_url, "/status")[1]
    assert (status["reloads"], status["restarts"]) == (0, 1)
    assert draw(light) == b"done"
    assert light.stop() == 0
    assert find_processes(lease_name(light)) == []


def test_picture_of_the_other_orchestrator_is_finished_first(
    light: RunningServer, caller: ThreadPoolExecutor
) -> None:
    picture = begin_picture(light, caller)
    kill_stub(light, "instantid_stream")
    assert picture.result() == b"done"
    wait_until(lambda: is_ready(light.control_url), BACK_S, "the server is ready again")


def test_triton_that_ends_by_itself_is_started_again_but_not_for_ever(light: RunningServer) -> None:
    for restarts in (1, 2, 3):
        kill_triton(light)
        wait_until_mended(light)
        assert ask(light.control_url, "/status")[1]["restarts"] == restarts
    kill_triton(light)
    assert light.process.wait(30) == 1
    assert "gave up after 3 restarts in 10 minutes" in light.complaint()
    assert "Triton ended by itself (signal 9)" in light.complaint()
    assert find_processes(lease_name(light)) == []


def test_what_keeps_a_stage_from_coming_back_is_said(light: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "models/unet/1/model.py").write_text("raise ValueError('the weights are gone')\n")
    kill_stub(light, "unet")
    assert light.process.wait(120) == 1
    assert "[MODEL_FAILED] unet: ValueError: the weights are gone" in light.complaint()


@pytest.mark.parametrize("way", ["signal", "request"])
def test_drain_delivers_what_was_accepted_and_refuses_the_rest(
    light: RunningServer, caller: ThreadPoolExecutor, way: str
) -> None:
    picture = begin_picture(light, caller)
    if way == "signal":
        light.process.send_signal(signal.SIGTERM)
    else:
        assert ask(light.control_url, "/drain", "POST")[0] == 202
    wait_until(lambda: not is_ready(light.control_url), 1.0, "readiness is gone")
    with pytest.raises(Exception, match=r"\[DRAINING\] .*; try again in \d+ s"):
        draw(light)
    assert picture.result() == b"done"
    assert light.process.wait(30) == 0
    assert light.complaint() == ""


def test_second_signal_ends_a_drain_in_haste(
    light: RunningServer, caller: ThreadPoolExecutor
) -> None:
    picture = begin_picture(light, caller)
    light.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not is_ready(light.control_url), 1.0, "readiness is gone")
    assert light.stop() == 0
    assert picture.exception() is not None
    assert "gave up 1 requests" in light.complaint()


def test_web_page_cannot_drain_the_server_of_its_reader(light: RunningServer) -> None:
    page = {"Origin": "https://example.org"}
    assert ask(light.control_url, "/drain", "POST", page)[0] == 403
    assert is_ready(light.control_url)
