"""The issuers' pages: whose word counts, and what is refused before the server starts."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from instantid_server.contract import ConsentLevel
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuers import IssuerError, read_issuers
from instantid_server.trust.keys import Keys, KeysError, make_test_keys

KEY = IssuerKey.new("studio")
PAGE = KEY.to_page(ConsentLevel.VERIFIED, 30)
PEM = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CURVE_KEY = generate_private_key(SECP256R1()).public_key()
CURVE_PEM = CURVE_KEY.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_page_names_key_level_and_days(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PAGE)
    issuer = read_issuers(tmp_path)[KEY.key_id]
    assert (issuer.name, issuer.level, issuer.max_days) == ("studio", ConsentLevel.VERIFIED, 30)


def test_key_may_be_given_as_pem(tmp_path: Path) -> None:
    page = PAGE.replace(f'"{KEY.public_text()}"', f"'''{PEM.decode()}'''")
    (tmp_path / "a.toml").write_text(page)
    assert set(read_issuers(tmp_path)) == {KEY.key_id}


def test_issuer_may_have_two_keys_while_they_change(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text(PAGE)
    (tmp_path / "new.toml").write_text(IssuerKey.new("studio").to_page(ConsentLevel.VERIFIED, 30))
    assert [issuer.name for issuer in read_issuers(tmp_path).values()] == ["studio", "studio"]


def test_folder_that_is_not_there_has_no_issuers(tmp_path: Path) -> None:
    assert read_issuers(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('"studio"', '"demo"', id="name-of-the-demo"),
        pytest.param('"studio"', '"a b"', id="name-with-a-space"),
        pytest.param('"studio"', "7", id="number-as-name"),
        pytest.param('"verified"', '"none"', id="no-level"),
        pytest.param('"verified"', '"sure"', id="unknown-level"),
        pytest.param("30", "0", id="no-days"),
        pytest.param("30", "true", id="bool-as-days"),
        pytest.param("max_days", "days", id="unknown-name"),
        pytest.param("level", "max_days = 1\nlevel", id="twice"),
        pytest.param(KEY.public_text(), "c2hvcnQ=", id="short-key"),
        pytest.param(KEY.public_text(), "%", id="no-base64"),
        pytest.param(f'"{KEY.public_text()}"', f"'''{CURVE_PEM.decode()}'''", id="another-kind"),
    ],
)
def test_page_that_is_none_is_named(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "a.toml").write_text(PAGE.replace(before, after))
    with pytest.raises(IssuerError, match=r"a\.toml: expected name, public_key"):
        read_issuers(tmp_path)


def test_one_key_on_two_pages_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PAGE)
    (tmp_path / "b.toml").write_text(PAGE.replace("studio", "other"))
    with pytest.raises(IssuerError, match=r"b\.toml: another page has the same public_key"):
        read_issuers(tmp_path)


def test_page_that_everybody_can_write_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(PAGE)
    (tmp_path / "a.toml").chmod(0o666)
    with pytest.raises(IssuerError, match="everybody on this machine could write it"):
        read_issuers(tmp_path)


def test_keys_folder_names_the_broken_page(tmp_path: Path) -> None:
    make_test_keys(tmp_path / "keys")
    (tmp_path / "keys" / "issuers" / "a.toml").write_text("")
    with pytest.raises(KeysError, match=r"issuers/a\.toml: expected name"):
        _ = Keys.load(tmp_path / "keys").issuers


def test_new_keys_folder_believes_its_owner_for_a_day(tmp_path: Path) -> None:
    make_test_keys(tmp_path / "keys")
    (issuer,) = Keys.load(tmp_path / "keys").issuers.values()
    assert (issuer.name, issuer.level) == ("self", ConsentLevel.SELF_ATTESTED)
    assert issuer.max_days == 1


def test_private_half_is_read_only_if_nobody_else_can(tmp_path: Path) -> None:
    path = tmp_path / "studio.pem"
    path.write_text(KEY.to_pem())
    path.chmod(0o644)
    with pytest.raises(IssuerError, match="open to everybody"):
        IssuerKey.read("studio", path)
    path.chmod(0o600)
    assert IssuerKey.read("studio", path).key_id == KEY.key_id


def test_private_half_that_is_none_is_not_quoted(tmp_path: Path) -> None:
    path = tmp_path / "studio.pem"
    path.touch(0o600)
    path.write_text("5ec7e7")
    with pytest.raises(IssuerError, match="expected an Ed25519 private key") as error:
        IssuerKey.read("studio", path)
    assert "5ec7e7" not in str(error.value)
    assert error.value.__context__ is None  # a traceback would show it


def test_private_half_is_in_no_repr() -> None:
    assert "private=" not in repr(KEY)
