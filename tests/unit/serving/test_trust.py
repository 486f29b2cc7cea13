"""What the entry process sees to before pictures can be trusted."""

from pathlib import Path

import pytest

from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.trust import prepare_keys, read_policy, weakened
from instantid_server.trust.keys import Keys, default_keys_folder, make_test_keys
from instantid_server.trust.policy import POLICY_VARIABLE, MarkPolicy, Policy, SafetyPolicy


def test_first_start_makes_test_keys_and_says_what_they_are_worth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (said,) = prepare_keys(default_keys_folder())
    assert "outside, nobody trusts it" in said
    assert Keys.load(default_keys_folder()).noise.current == 1
    assert prepare_keys(default_keys_folder()) == []


def test_folder_that_was_named_is_never_filled(tmp_path: Path) -> None:
    with pytest.raises(ServingFailure, match="instantid keys init"):
        prepare_keys(tmp_path / "keys")
    assert not (tmp_path / "keys").exists()


def test_key_of_the_audit_log_that_is_none_stops_the_server(tmp_path: Path) -> None:
    make_test_keys(tmp_path / "keys")
    (tmp_path / "keys" / "audit_1.key").write_text("junk")
    with pytest.raises(ServingFailure, match=r"audit_1\.key"):
        prepare_keys(tmp_path / "keys")


def test_policy_comes_from_its_page_and_from_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(POLICY_VARIABLE, Policy(previews=False).to_json())
    assert read_policy(None) == Policy()
    page = tmp_path / "policy.toml"
    page.write_text("previews = false\n")
    assert read_policy(page) == Policy(previews=False)


@pytest.mark.parametrize("page", [None, "previews = 3"])
def test_policy_that_cannot_be_read_stops_the_server(tmp_path: Path, page: str | None) -> None:
    path = tmp_path / "policy.toml"
    if page is not None:
        path.write_text(page)
    with pytest.raises(ServingFailure, match="policy"):
        read_policy(path)


def test_what_a_policy_leaves_out_is_said_at_the_start() -> None:
    assert weakened(Policy()) == []
    unsafe = Policy(safety=SafetyPolicy(checker="none"), mark=MarkPolicy(watermarker="none"))
    assert [line.split(",")[0] for line in weakened(unsafe)] == [
        "policy: no safety checker judges the pictures; every record says so",
        "policy: pictures hold no pixel mark; credentials are lost when they are cut",
    ]
