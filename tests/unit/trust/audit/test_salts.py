"""Salts of subjects: one code a person, until the person is erased."""

import os
from pathlib import Path

import pytest

from instantid_server.trust.audit.salts import SubjectSalts
from instantid_server.trust.keys import VersionedKeys

FIRST, SECOND = bytes(32), bytes([1] * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "salts"


@pytest.fixture
def salts(folder: Path) -> SubjectSalts:
    return SubjectSalts(folder, VersionedKeys(1, {1: FIRST}))


def test_person_has_the_same_code_until_erased_and_then_another(salts: SubjectSalts) -> None:
    before = salts.code("anna")
    assert salts.code("anna") == before != salts.code("bert")
    assert salts.erase("anna")
    assert salts.code("anna") != before


def test_erasing_one_leaves_the_others(salts: SubjectSalts, folder: Path) -> None:
    others = salts.code("bert")
    salts.code("anna")
    assert salts.erase("anna")
    assert salts.code("bert") == others
    assert len(list(folder.iterdir())) == 1


def test_erased_person_has_no_file(salts: SubjectSalts, folder: Path) -> None:
    salts.code("anna")
    salts.erase("anna")
    assert list(folder.iterdir()) == []


def test_who_is_not_there_cannot_be_erased(salts: SubjectSalts) -> None:
    assert not salts.erase("anna")


def test_codes_survive_a_restart(salts: SubjectSalts, folder: Path) -> None:
    again = SubjectSalts(folder, VersionedKeys(1, {1: FIRST}))
    assert salts.code("anna") == again.code("anna")


def test_erasure_reaches_what_an_older_key_named(salts: SubjectSalts, folder: Path) -> None:
    salts.code("anna")
    newer = SubjectSalts(folder, VersionedKeys(2, {1: FIRST, 2: SECOND}))
    newer.code("anna")
    assert newer.erase("anna")
    assert list(folder.iterdir()) == []


def test_files_are_not_named_after_persons(salts: SubjectSalts, folder: Path) -> None:
    code = salts.code("../anna\x00/" + "a" * 300)
    (file,) = folder.iterdir()
    assert file.name != code
    assert file.parent == folder


def test_salt_half_written_by_a_crash_is_none(
    salts: SubjectSalts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(descriptor: int) -> None:
        raise OSError("power is gone")

    with monkeypatch.context() as power_cut:
        power_cut.setattr(os, "fsync", crash)
        with pytest.raises(OSError, match="power is gone"):
            salts.code("anna")
    assert salts.code("anna") == salts.code("anna")
