"""The keys folder: what makes it, what it must hold, and that nothing of it is ever told."""

import logging
from pathlib import Path

import pytest
from certificates import issue

from instantid_server.trust import keys
from instantid_server.trust.keys import (
    KEYS_VARIABLE,
    Keys,
    KeysError,
    make_test_keys,
    upgrade_keys,
)
from instantid_server.trust.signing_key import KeyService, LocalKey

SECRET = "5ec7e7" * 11  # two digits more than a key has


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "keys"
    make_test_keys(folder)
    return folder


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def text_of(error: pytest.ExceptionInfo[KeysError]) -> str:
    """Return everything that a traceback would show of an error."""
    chain = error.getrepr(style="short", chain=True)
    return f"{error.value} {chain}"


def test_made_keys_are_whole_and_private(folder: Path) -> None:
    made = Keys.load(folder)
    secrets = {kind.key for kind in (made.mark, made.noise, made.card, made.template)}
    assert [len(secret) for secret in secrets] == [32] * 4
    assert isinstance(made.signing, LocalKey)
    assert {path.stat().st_mode & 0o777 for path in files_in(folder)} == {0o600}
    folders = (folder, folder / "issuers")
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_two_folders_have_no_secret_in_common(folder: Path, tmp_path: Path) -> None:
    make_test_keys(tmp_path / "other")
    for path in files_in(folder):
        other = tmp_path / "other" / path.relative_to(folder)
        assert path.read_bytes() != other.read_bytes()


def test_folder_with_anything_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(KeysError, match="never overwritten"):
        make_test_keys(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes"]


def test_highest_version_is_in_use_and_older_ones_stay_known(folder: Path) -> None:
    (folder / "mark_12.key").write_text("ab" * 32)
    (folder / "mark_12.key").chmod(0o600)
    mark = Keys.load(folder).mark
    assert (mark.current, mark.key) == (12, b"\xab" * 32)
    assert set(mark.by_version) == {1, 12}


@pytest.mark.parametrize(
    "name",
    ["signing_chain.pem", "signing_key.pem", "trust_anchors.pem", "mark_1.key", "noise_1.key"],
)
def test_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KeysError, match=name):
        Keys.load(folder)


def test_folder_of_an_earlier_version_says_what_adds_the_rest(folder: Path) -> None:
    for name in ("card_1.key", "template_1.key"):
        (folder / name).unlink()
    message = "has no card_1.key, template_1.key; `instantid keys upgrade` adds"
    with pytest.raises(KeysError, match=message):
        Keys.load(folder)
    assert upgrade_keys(folder) == ["card_1.key", "template_1.key"]
    assert Keys.load(folder).card.current == 1


def test_upgrade_leaves_newer_versions_of_a_key_alone(folder: Path) -> None:
    (folder / "card_1.key").rename(folder / "card_7.key")
    assert upgrade_keys(folder) == []
    assert set(Keys.load(folder).card.by_version) == {7}


def test_missing_folder_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="instantid keys init"):
        Keys.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["signing_key.pem", "mark_1.key", "noise_1.key"])
def test_secret_that_everybody_can_read_is_refused(folder: Path, name: str) -> None:
    (folder / name).chmod(0o644)
    with pytest.raises(KeysError, match=f"{name} is open to everybody"):
        Keys.load(folder)


@pytest.mark.parametrize("text", ["", SECRET, SECRET[:62] + "zz"], ids=["none", "long", "no-hex"])
def test_malformed_secret_is_named_and_not_quoted(folder: Path, text: str) -> None:
    (folder / "noise_1.key").write_text(text)
    with pytest.raises(KeysError, match=r"noise_1\.key: expected 64 hexadecimal digits") as error:
        _ = Keys.load(folder).noise
    assert SECRET[:6] not in text_of(error)


def test_secrets_are_in_no_repr_and_no_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = Keys.load(folder)
    shown = f"{made!r} {made.mark!r} {made.noise!r} {made.signing!r} {caplog.text}"
    for secret in (made.mark.key, made.noise.key):
        assert secret.hex() not in shown
        assert repr(secret) not in shown
    assert "PRIVATE" not in shown


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("signing_key.pem", "junk", "not a private key in PEM", id="no-key"),
        pytest.param("signing_key.pem", issue().key, "not that of the first", id="another-key"),
        pytest.param("signing_chain.pem", "junk", "holds no certificates", id="no-chain"),
    ],
)
def test_chain_and_key_that_do_not_fit_are_refused(
    folder: Path, name: str, text: str, message: str
) -> None:
    (folder / name).write_text(text)
    with pytest.raises(KeysError, match=message) as error:
        _ = Keys.load(folder).signing
    assert "BEGIN" not in text_of(error)


def name_service(folder: Path, service: str) -> None:
    (folder / "signing_key.pem").unlink()
    (folder / "keys.toml").write_text(f'[signing]\nservice = "{service}"\n')


def test_key_service_takes_the_place_of_the_key(folder: Path) -> None:
    name_service(folder, "hashlib:md5")
    signing = Keys.load(folder).signing
    assert isinstance(signing, KeyService)
    assert signing.algorithm == "ES256"


def fail(content: bytes) -> bytes:
    raise OSError(f"the secret is {SECRET}")


def test_what_a_key_service_says_when_it_fails_is_not_passed_on(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    name_service(folder, f"{__name__}:fail")
    signing = Keys.load(folder).signing
    assert isinstance(signing, KeyService)
    assert signing.sign(b"content") == b""
    assert "the key service failed: OSError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    ("service", "message"),
    [
        pytest.param("no_such_package:sign", "no no_such_package", id="no-module"),
        pytest.param("hashlib:no_such_function", "package.module:function", id="no-function"),
        pytest.param("hashlib", "package.module:function", id="no-colon"),
    ],
)
def test_key_service_that_is_none_is_refused(folder: Path, service: str, message: str) -> None:
    name_service(folder, service)
    with pytest.raises(KeysError, match=message):
        _ = Keys.load(folder).signing


def test_process_without_keys_in_its_environment_says_how_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    with pytest.raises(KeysError, match="instantid serve"):
        Keys.from_environment()


def test_default_folder_is_in_the_users_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert keys.default_keys_folder() == tmp_path / ".local/share/instantid/keys"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert keys.default_keys_folder() == tmp_path / "data/instantid/keys"
