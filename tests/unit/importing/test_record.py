"""The record says what a repository was made of, and tells when that has changed."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from instantid_server.importing import licences
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.record import (
    RECORD_FILE,
    ImportRecord,
    Role,
    SourceFile,
    compare_files,
    describe,
    read_earlier_record,
    read_record,
)

UNET = SourceFile(
    Role.BASE, "unet/model.safetensors", "a" * 64, 12, "someone/sdxl", revision="c0ffee"
)
LORA = SourceFile(Role.LORA, "lcm.safetensors", "b" * 64, 3, "loras", note="strength 1")
RECORD = ImportRecord("float16", (UNET, LORA), ("a LoRA was fused",))


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_bytes(RECORD.to_json())
    assert read_record(tmp_path) == RECORD
    assert read_record(tmp_path / RECORD_FILE) == RECORD


def test_a_file_is_described_by_its_content_and_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "my_sdxl" / "unet" / "model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    file = describe(Role.BASE, path, name="unet/model.safetensors")
    assert (file.source, file.size) == ("my_sdxl", 7)
    assert file.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert (file.known, file.licence) == (False, licences.UNKNOWN)


@pytest.mark.parametrize(
    ("role", "source", "licence"),
    [
        (Role.IP_ADAPTER, None, licences.INSTANTID),
        (Role.IDENTITYNET, "a/mirror", licences.INSTANTID),
        (Role.BASE, "stabilityai/stable-diffusion-xl-base-1.0", licences.OPENRAIL),
        (Role.BASE, "someone/merge", licences.UNKNOWN),
    ],
)
def test_the_licence_is_its_authors(
    tmp_path: Path, role: Role, source: str | None, licence: str
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(b"")
    assert describe(role, path, source=source).licence == licence


def test_the_same_files_compare_equal_wherever_they_lie_and_whatever_their_names() -> None:
    moved = replace(UNET, source="elsewhere", name="model.safetensors")
    compare_files(replace(RECORD, sources=(LORA, moved)), RECORD)


def test_files_that_changed_are_all_named() -> None:
    other = replace(UNET, sha256="c" * 64)
    with pytest.raises(ImportFailed) as caught:
        compare_files(replace(RECORD, sources=(other,)), RECORD)
    message = str(caught.value)
    file = "base unet/model.safetensors of someone/sdxl"
    assert f"{file} (sha256 cccccccccccc...) is new" in message
    assert f"{file} (sha256 aaaaaaaaaaaa...) is missing" in message
    assert "lora lcm.safetensors of loras (sha256 bbbbbbbbbbbb...) is missing" in message


def test_loras_of_one_name_are_told_apart() -> None:
    one, two, three = (
        replace(LORA, name="pytorch_lora_weights.safetensors", source=source, sha256=digit * 64)
        for source, digit in (("a/lcm", "1"), ("b/style", "2"), ("c/other", "3"))
    )
    earlier = replace(RECORD, sources=(one, two))
    compare_files(replace(RECORD, sources=(two, one)), earlier)
    with pytest.raises(ImportFailed) as caught:
        compare_files(replace(RECORD, sources=(three, two)), earlier)
    assert "of a/lcm (sha256 111111111111...) is missing" in str(caught.value)
    assert "of c/other (sha256 333333333333...) is new" in str(caught.value)
    assert "b/style" not in str(caught.value)


def test_a_file_that_was_taken_once_is_new_when_taken_twice() -> None:
    with pytest.raises(ImportFailed, match=r"lora lcm\.safetensors .* is new"):
        compare_files(replace(RECORD, sources=(UNET, LORA, LORA)), RECORD)


def test_the_bytes_of_another_role_are_another_file() -> None:
    with pytest.raises(ImportFailed, match=r"vae .* is new"):
        compare_files(replace(RECORD, sources=(replace(UNET, role=Role.VAE), LORA)), RECORD)


def test_an_import_in_another_dtype_is_no_repetition(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_bytes(RECORD.to_json())
    assert read_earlier_record(tmp_path, "float16") == RECORD
    with pytest.raises(ImportFailed, match="--dtype float16"):
        read_earlier_record(tmp_path, "bfloat16")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param("not json", "no record of an import", id="noise"),
        pytest.param("[]", "no record of an import", id="list"),
        pytest.param('{"format": 1}', "no record of an import", id="incomplete"),
        pytest.param('{"format": 99}', "another version", id="future"),
        pytest.param(None, "No such file", id="missing"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / RECORD_FILE
    if content is not None:
        path.write_text(content)
    with pytest.raises(ImportFailed, match=reason):
        read_record(path)
