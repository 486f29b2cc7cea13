"""A model is unloaded, gone, and loaded again; what goes wrong is told, not raised."""

import pytest
from fake_triton import FakeTriton, fake_triton
from patience import wait_until

from instantid_server.serving import reload
from instantid_server.serving.api import TritonApi, TritonApiError
from instantid_server.serving.reload import Reload, Reloads


def wait_for_one(reloads: Reloads) -> Reload:
    ended: list[Reload] = []

    def one_has_ended() -> bool:
        ended.extend(reloads.take_ended())
        return bool(ended)

    wait_until(one_has_ended)
    (one,) = ended
    return one


def actions(triton: FakeTriton) -> list[str]:
    return [path.rpartition("/")[2] for path in triton.asked]


def test_model_is_gone_before_it_is_loaded() -> None:
    with fake_triton({"unet": "READY"}) as triton:
        reloads = Reloads(triton.api)
        reloads.begin("unet")
        assert reloads.models == {"unet"}
        assert wait_for_one(reloads).error is None
    assert actions(triton) == ["unload", "index", "index", "load"]
    assert triton.states == {"unet": "READY"}
    assert reloads.models == frozenset()


def test_model_that_is_never_gone_is_loaded_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "UNLOAD_PATIENCE_S", 0.0)
    with fake_triton({"unet": "READY"}) as triton:
        triton.stuck = True
        reloads = Reloads(triton.api)
        reloads.begin("unet")
        assert wait_for_one(reloads).error is None
    assert actions(triton)[-1] == "load"


def test_failure_says_which_model_and_why() -> None:
    with fake_triton({"unet": "READY"}, unloadable="unet") as triton:
        reloads = Reloads(triton.api)
        reloads.begin("unet")
        ended = wait_for_one(reloads)
    assert ended.model == "unet"
    assert "load failed for model 'unet'" in str(ended.error)


def test_abandoned_reloads_are_forgotten() -> None:
    with fake_triton({"unet": "READY"}) as triton:
        reloads = Reloads(triton.api)
        reloads.begin("unet")
        reloads.abandon()
        assert reloads.models == frozenset()
        assert list(reloads.take_ended()) == []
        reloads.begin("unet")
        wait_for_one(reloads)


def test_triton_that_is_gone_is_an_error() -> None:
    with fake_triton({}) as triton:
        api = triton.api
    with pytest.raises(TritonApiError, match="no answer"):
        api.load("unet")
    assert not api.is_ready()


def test_wrong_key_is_an_error() -> None:
    with fake_triton({"unet": "READY"}) as triton:
        stranger = TritonApi(triton.api.host, triton.api.http_port, "another")
        with pytest.raises(TritonApiError, match="restricted"):
            stranger.unload("unet")
