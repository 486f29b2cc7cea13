"""The registry: the operator's word, whole and latest, or no server."""

import json
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.errors import PolicyUnavailable
from instantid_server.trust.consent.gate import NO_CONSENT
from instantid_server.trust.consent.template import Templates
from instantid_server.trust.keys import Keys
from instantid_server.trust.policy import ProtectedPolicy
from instantid_server.trust.protected.check import FaceSource, ProtectedCheck
from instantid_server.trust.protected.registry import Entry, Reason, Registry, RegistryError
from instantid_server.trust.protected.registry_editor import Protection, RegistryEditor
from instantid_server.trust.protected.registry_key import PIN_FILE, pin_text
from tests.unit.trust.protected.faces import BY_REQUEST, RECOGNISER, face

Load = Callable[[], ProtectedCheck]
Protect = Callable[..., str]
KEY = Ed25519PrivateKey.generate()
REGISTRY = Registry(
    serial=4,
    key_version=1,
    recogniser=RECOGNISER,
    entries=(
        Entry("a1", bytes(128), Reason.ESTATE),
        Entry("b2", bytes(range(128)), Reason.COURT, date(2031, 2, 3), "studio", "s-1"),
    ),
)


def ask(check: ProtectedCheck) -> None:
    check.check(face(7)[None], FaceSource.REFERENCE, NO_CONSENT)


def test_signed_registry_reads_as_it_was_written() -> None:
    assert Registry.parse(REGISTRY.signed(KEY), KEY.public_key()) == REGISTRY


def test_codes_are_those_of_the_entries_in_order() -> None:
    np.testing.assert_array_equal(REGISTRY.codes[1], np.arange(128))
    assert Registry(1, 1, RECOGNISER).codes.shape == (0, 128)


def test_no_byte_can_be_changed() -> None:
    signed = REGISTRY.signed(KEY)
    body = len(signed.splitlines(keepends=True)[-1])
    for place in range(len(signed) - body):
        changed = bytearray(signed)
        changed[place] ^= 1
        with pytest.raises(RegistryError):
            Registry.parse(bytes(changed), KEY.public_key())


@pytest.mark.parametrize("kept", [slice(0, -1), slice(0, 2), slice(1, None), slice(0, 0)])
def test_no_line_can_be_taken_out(kept: slice) -> None:
    lines = REGISTRY.signed(KEY).splitlines(keepends=True)
    with pytest.raises(RegistryError, match="not signed by the pinned key"):
        Registry.parse(b"".join(lines[kept]), KEY.public_key())


def test_signed_nonsense_is_no_registry() -> None:
    lines = [json.loads(line) for line in REGISTRY.signed(KEY).splitlines()[:-1]]
    for changes in ({"format": "another/1"}, {"serial": None, "format": None}):
        body = json.dumps(lines[0] | changes).encode() + b"\n"
        signature = REGISTRY.signed(KEY).splitlines()[-1]
        with pytest.raises(RegistryError):
            Registry.parse(body + signature, KEY.public_key())


def test_registry_holds_neither_likeness_nor_name(protect: Protect, path: Path) -> None:
    protect(face(1), Protection(Reason.GUARDIAN))
    assert face(1).tobytes()[:16] not in path.read_bytes()
    entry = json.loads(path.read_text().splitlines()[1])
    assert entry.keys() == {"id", "code", "reason", "expires", "issuer", "subject"}
    assert len(entry["id"]) == 16
    assert entry["reason"] == "guardian"


def test_every_change_counts_and_is_signed(
    editor: RegistryEditor, protect: Protect, path: Path, tmp_path: Path
) -> None:
    first, second = protect(face(1)), protect(face(2))
    editor.remove(first)
    reopened = RegistryEditor.open(path, tmp_path / "registry_key.pem").registry
    assert [entry.id for entry in reopened.entries] == [second]
    assert reopened.serial == 4
    with pytest.raises(RegistryError, match="nobody of that id"):
        editor.remove(first)


def test_private_key_is_private_and_nothing_is_overwritten(
    editor: RegistryEditor, keys: Keys, path: Path, tmp_path: Path
) -> None:
    key = tmp_path / "registry_key.pem"
    assert key.stat().st_mode & 0o777 == 0o600
    for others in ({"key_path": tmp_path / "other.pem"}, {"path": tmp_path / "other.jsonl"}):
        places = {"path": path, "key_path": key} | others
        with pytest.raises(FileExistsError):
            RegistryEditor.create(keys=keys, recogniser=RECOGNISER, **places)


def test_change_reaches_a_running_server(load: Load, protect: Protect, path: Path) -> None:
    protect(face(1))
    check = load()
    ask(check)
    protect(face(7))
    with pytest.raises(Exception, match="policy does not allow"):
        ask(check)


def test_server_without_its_registry_draws_nobody_until_it_is_back(
    load: Load, protect: Protect, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    protect(face(1))
    check = load()
    content = path.read_bytes()
    for broken in (None, content[:-9], content.replace(b"own_request", b"court"), b""):
        path.unlink() if broken is None else path.write_bytes(broken)
        for _ in range(2):
            with pytest.raises(PolicyUnavailable, match="nobody is drawn"):
                ask(check)
    path.write_bytes(content)
    ask(check)
    assert caplog.records
    assert all(record.levelno == logging.ERROR for record in caplog.records)
    assert str(path.parent) not in caplog.text


def test_old_registry_is_no_way_back(load: Load, protect: Protect, path: Path) -> None:
    protect(face(1))
    old = path.read_bytes()
    protect(face(7))
    check = load()
    path.write_bytes(old)
    with pytest.raises(PolicyUnavailable):
        ask(check)


def test_server_does_not_start_without_registry_pin_or_signature(
    load: Load, editor: RegistryEditor, keys: Keys, path: Path
) -> None:
    signed, pin = path.read_bytes(), keys.folder / PIN_FILE
    path.unlink()
    with pytest.raises(RegistryError, match="cannot be read: No such file"):
        load()
    path.write_bytes(b"".join(signed.splitlines(keepends=True)[:-1]))
    with pytest.raises(RegistryError, match="not signed by the pinned key"):
        load()
    path.write_bytes(signed)
    pin.write_text(pin_text(KEY))
    with pytest.raises(RegistryError, match="not signed by the pinned key"):
        load()
    pin.write_text("no key")
    with pytest.raises(RegistryError, match="not an Ed25519 public key"):
        load()
    pin.unlink()
    with pytest.raises(RegistryError, match=f"no {PIN_FILE}"):
        load()


def test_codes_of_another_recogniser_or_key_protect_nobody_and_are_refused(
    editor: RegistryEditor, keys: Keys, path: Path, templates: Templates
) -> None:
    editor.add(face(1), BY_REQUEST, templates)
    policy = ProtectedPolicy(registry=str(path))
    with pytest.raises(RegistryError, match="another face recogniser"):
        ProtectedCheck.load(policy, keys, "f" * 16)
    (keys.folder / "template_1.key").rename(keys.folder / "template_2.key")
    with pytest.raises(RegistryError, match="template key 1, which the keys folder does not have"):
        ProtectedCheck.load(policy, Keys.load(keys.folder), RECOGNISER)


def test_registry_outlives_a_new_template_key(load: Load, protect: Protect, keys: Keys) -> None:
    protect(face(7))
    (keys.folder / "template_2.key").write_text("ab" * 32)
    (keys.folder / "template_2.key").chmod(0o600)
    with pytest.raises(Exception, match="policy does not allow"):
        ask(load())
