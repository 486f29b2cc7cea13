"""What lets a request into a stage."""

import pytest

from instantid_server.contract import STAGE_KEY_PARAMETER
from instantid_server.errors import NotPublic
from instantid_server.stage_key import STAGE_KEY_VARIABLE, StageKey, StageKeyUnknown

KEY = StageKey("a-key")


def test_own_calls_carry_the_key() -> None:
    KEY.check({"traceparent": "00-1", **KEY.parameters()}, "unet")


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({}, id="none"),
        pytest.param({STAGE_KEY_PARAMETER: ""}, id="empty"),
        pytest.param({STAGE_KEY_PARAMETER: "a-kez"}, id="wrong"),
        pytest.param({STAGE_KEY_PARAMETER: "a-key-and-more"}, id="longer"),
        pytest.param({STAGE_KEY_PARAMETER: True}, id="no-text"),
        pytest.param({STAGE_KEY_PARAMETER: "ä\ud800"}, id="half-a-character"),
        pytest.param({STAGE_KEY_PARAMETER.upper(): "a-key"}, id="other-name"),
    ],
)
def test_nothing_else_is_let_in(given: dict[str, object]) -> None:
    with pytest.raises(NotPublic) as caught:
        KEY.check(given, "unet")
    assert caught.value.message == "unet answers this server's own models alone"


@pytest.mark.parametrize("text", [None, ""])
def test_process_that_was_told_no_key_has_none(
    text: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(STAGE_KEY_VARIABLE)
    if text is not None:
        monkeypatch.setenv(STAGE_KEY_VARIABLE, text)
    with pytest.raises(StageKeyUnknown, match="`instantid serve`"):
        StageKey.from_environment()


def test_key_is_not_in_what_a_log_would_show() -> None:
    assert "a-key" not in repr(KEY)
