"""`instantid consent` and the flags of `generate`: tokens made, read, taken back and sent along."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from instantid_client.cli import main
from instantid_server.contract import ConsentLevel
from instantid_server.errors import ConsentRevoked
from instantid_server.trust.consent.gate import ConsentGate
from instantid_server.trust.consent.issuing import attest
from instantid_server.trust.keys import Keys, make_test_keys
from instantid_server.trust.policy import ConsentPolicy
from tests.client.answers import encoded_picture, result
from tests.client.fake_transport import FakeAsyncTransport, Script

KEY = ("--issuer-key", "studio.pem")
BY_STUDIO = ("--subject", "p-1", "--issuer", "studio", *KEY)
ISSUE = ("consent", "issue", "ann.png", *BY_STUDIO)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Return a server's keys, which know the issuer whose key is in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "nothing"))
    for name, colour in (("ann.png", "red"), ("bob.png", "blue")):
        Path(name).write_bytes(encoded_picture(colour))
    make_test_keys(Path("keys"))
    assert main(["consent", "issuer", ".", "studio", "--max-days", "90"]) == 0
    Path("studio.toml").rename("keys/issuers/studio.toml")
    return Keys.load(Path("keys"))


def beside(photo: str) -> bytes:
    return Path(f"{photo}.consent").read_bytes().strip()


def test_issued_token_opens_the_gate_for_its_photos(
    keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    options = ("--uses", "3", "--tenant", "t", "--days", "60")
    assert main(["consent", "issue", "ann.png", "bob.png", *BY_STUDIO, *options]) == 0
    gate = ConsentGate.load(ConsentPolicy(max_days=60), keys)
    for photo in ("ann.png", "bob.png"):
        consent = gate.check(beside(photo), Path(photo).read_bytes(), "t")
        assert (consent.level, consent.subject) == (ConsentLevel.VERIFIED, "p-1")
    ends = f"{datetime.now(UTC) + timedelta(days=60):%Y-%m-%d}"
    *_, told = capsys.readouterr().out.splitlines()
    assert told.startswith(f"p-1 allows 3 pictures for portraits from 2 photos until {ends}")
    assert told.endswith("by the tenant t")


def test_token_that_no_server_would_take_is_not_issued(
    keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    many = ["ann.png"] * 200
    assert main(["consent", "issue", *many, *BY_STUDIO]) == 1
    assert "name fewer photos at once" in capsys.readouterr().err
    assert main([*ISSUE, "--subject", "Ann Example"]) == 1
    assert "subject: expected 1 to 128" in capsys.readouterr().err
    assert not Path("ann.png.consent").exists()


def test_token_goes_where_it_is_asked_to(keys: Keys) -> None:
    assert main([*ISSUE, "--output", "token"]) == 0
    assert not Path("ann.png.consent").exists()
    ConsentGate.load(ConsentPolicy(), keys).read(Path("token").read_bytes().strip())


def test_private_key_of_an_issuer_is_never_overwritten(keys: Keys) -> None:
    before = Path("studio.pem").read_bytes()
    assert Path("studio.pem").stat().st_mode & 0o777 == 0o600
    assert main(["consent", "issuer", ".", "studio"]) == 1
    assert Path("studio.pem").read_bytes() == before


def test_show_tells_the_claims_and_that_they_hold(
    keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*ISSUE, "--scope", "portraits"])
    capsys.readouterr()
    for file in ("ann.png", "ann.png.consent"):
        assert main(["consent", "show", file, "--keys", "keys"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[:2] == ['issuer     "studio"', 'person     "p-1"']
        assert "photos     1" in lines
        assert lines[-2:] == ["it holds here", "ann.png is one of the photos"]


def test_show_tells_why_a_token_does_not_hold(
    keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    main([*ISSUE, "--audience", "others"])
    Path("ann.png").write_bytes(b"retouched")
    capsys.readouterr()
    assert main(["consent", "show", "ann.png", "--keys", "keys"]) == 1
    *_, verdict, photo = capsys.readouterr().out.splitlines()
    assert verdict.startswith("it does not hold here: [CONSENT_INVALID] ")
    assert photo == "ann.png is not one of the photos"


def test_show_of_something_else_is_one_line(keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["consent", "show", "studio.pem", "--keys", "keys"]) == 1
    assert capsys.readouterr().err == "instantid: studio.pem: expected a JWT\n"


def test_revoked_consent_is_refused_and_the_list_can_be_signed_anew(keys: Keys) -> None:
    main(ISSUE)
    gate = ConsentGate.load(ConsentPolicy(revocations="list"), keys)
    assert main(["consent", "revoke", "--list", "list", *KEY]) == 0
    consent = gate.check(beside("ann.png"), Path("ann.png").read_bytes(), "")
    assert main(["consent", "revoke", consent.consent_id, "--list", "list", *KEY]) == 0
    assert main(["consent", "revoke", "--list", "list", *KEY]) == 0
    with pytest.raises(ConsentRevoked):
        gate.read(beside("ann.png"))


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param((*ISSUE, "--days", "0"), id="no-days"),
        pytest.param((*ISSUE, "--days", "1e9"), id="days-without-end"),
        pytest.param((*ISSUE, "--uses", "0"), id="no-uses"),
        pytest.param(("consent", "issuer", ".", "a/b"), id="name-that-is-a-path"),
    ],
)
def test_what_cannot_be_meant_is_a_matter_of_usage(keys: Keys, arguments: tuple[str, ...]) -> None:
    assert main(arguments) == 2


def test_consent_without_the_server_extra_says_what_to_install(
    keys: Keys, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "instantid_server.trust.consent.issuing", None)
    for command in (ISSUE, ("generate", "ann.png", "--prompt", "p", "--i-have-consent")):
        assert main(command) == 1
        assert "make .venv/server-installed" in capsys.readouterr().err


def generate(*flags: str) -> tuple[int, list[bytes]]:
    """Return the exit code of `generate` for two photos, and the tokens that were sent."""
    script = Script([result()])
    command = ("generate", "ann.png", "bob.png", "--prompt", "p", "-o", "out", *flags)
    code = main(command, transport=FakeAsyncTransport(script))
    return code, [inputs["consent_token"][0] for _, inputs, _ in script.requests]


def test_one_file_may_consent_for_every_face(keys: Keys) -> None:
    Path("token").write_text("t0ken\n")
    assert generate("--consent", "token") == (0, [b"t0ken", b"t0ken"])


def test_caller_attests_each_photo_and_the_gate_believes_it(keys: Keys) -> None:
    Path("ann.png.consent").write_text("older")
    code, tokens = generate("--i-have-consent", "--keys", "keys", "--tenant", "t")
    assert code == 0
    gate = ConsentGate.load(ConsentPolicy(), keys)
    for photo, token in zip(("ann.png", "bob.png"), tokens, strict=True):
        consent = gate.check(token, Path(photo).read_bytes(), "t")
        assert consent.level is ConsentLevel.SELF_ATTESTED


def test_attesting_without_a_key_says_what_makes_one(
    keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("keys/attestation.pem").unlink()
    assert generate("--i-have-consent", "--keys", "keys") == (2, [])
    assert "`instantid keys upgrade` adds one" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError):
        attest(b"photo", Path("keys"), None, datetime.now(UTC))


def test_nobody_can_attest_an_embedding(keys: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    Path("ann.card").write_text("c4rd")
    command = ("generate", "ann.card", "--prompt", "p", "--i-have-consent", "--keys", "keys")
    assert main(command) == 2
    assert "it is about a photo" in capsys.readouterr().err
