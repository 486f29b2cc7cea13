"""The log's file and its checkpoints: one writer, and no going on with what was changed."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.serving.chained_file import ChainedFile, Signing
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.growing_file import GrowingFile
from instantid_server.trust.audit.chain import Entry
from instantid_server.trust.audit.checkpoints import checkpoints_path

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
EVERY = 3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


@pytest.fixture
def indexed() -> list[Entry]:
    return []


def opened(path: Path, indexed: list[Entry], key: Ed25519PrivateKey = KEY) -> closing[ChainedFile]:
    return closing(ChainedFile(path, Signing(key, EVERY), indexed.append))


def written(path: Path, indexed: list[Entry], count: int) -> list[bytes]:
    """Write records in one run of a server; return the lines of the file."""
    with opened(path, indexed) as file:
        for number in range(count):
            file.add([{"number": number}])
    return path.read_bytes().splitlines(keepends=True)


def signed(path: Path) -> list[int]:
    lines = checkpoints_path(path).read_text().splitlines()
    return [json.loads(line)["seq"] for line in lines]


def test_index_hears_of_what_is_there_and_of_what_comes(path: Path, indexed: list[Entry]) -> None:
    written(path, indexed, 2)
    heard: list[Entry] = []
    with opened(path, heard) as file:
        file.add([{"number": 2}, {"number": 3}])
        lines = [file.read(entry.start, entry.size) for entry in heard]
    assert [entry.fields["number"] for entry in heard] == [0, 1, 2, 3]
    assert b"".join(lines) == path.read_bytes()


def test_checkpoints_come_at_the_start_every_few_records_and_at_the_end(
    path: Path, indexed: list[Entry]
) -> None:
    written(path, indexed, EVERY + 1)
    assert signed(path) == [0, EVERY, EVERY + 1]


def test_start_and_end_without_news_sign_nothing_again(path: Path, indexed: list[Entry]) -> None:
    written(path, indexed, 1)
    written(path, indexed, 0)
    assert signed(path) == [0, 1]


def test_what_a_crash_left_unsigned_is_signed_at_the_next_start(
    path: Path, indexed: list[Entry]
) -> None:
    written(path, indexed, 2)
    checkpoints = checkpoints_path(path)
    checkpoints.write_bytes(checkpoints.read_bytes().splitlines(keepends=True)[0])
    with opened(path, indexed):
        assert signed(path) == [0, 2]


def test_lines_that_a_crash_cut_off_are_dropped(path: Path, indexed: list[Entry]) -> None:
    lines = written(path, indexed, 2)
    for file in (path, checkpoints_path(path)):
        file.write_bytes(file.read_bytes() + lines[0][:20])
    assert len(written(path, indexed, 1)) == 3
    assert signed(path) == [0, 2, 3]


def test_log_goes_on_where_it_was_when_its_file_was_moved_away(
    path: Path, indexed: list[Entry]
) -> None:
    old = written(path, indexed, 2)
    path.rename(path.with_name("old.jsonl"))
    (new,) = written(path, indexed, 1)
    assert json.loads(new)["seq"] == 3
    assert len({json.loads(line)["prev"] for line in (*old, new)}) == 3
    assert len(written(path, indexed, 1)) == 2  # and once more


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param([0, 2], "line 2 of .* is record 3, where record 2 belongs", id="taken-out"),
        pytest.param([0, 2, 1], "line 2 of .* is record 3", id="reordered"),
        pytest.param([0, 1], "ends after record 2, but a checkpoint signed record 3", id="cut-off"),
        pytest.param([1, 2], "no checkpoint signs what came before record 2", id="beheaded"),
    ],
)
def test_server_does_not_go_on_with_a_log_that_was_changed(
    path: Path, indexed: list[Entry], changed: list[int], message: str
) -> None:
    lines = written(path, indexed, 3)
    path.write_bytes(b"".join(lines[number] for number in changed))
    with pytest.raises(ServingFailure, match=message) as failure:
        opened(path, indexed)
    assert "instantid audit verify" in str(failure.value)
    assert path.read_bytes() == b"".join(lines[number] for number in changed)


def test_line_that_is_no_record_is_named(path: Path, indexed: list[Entry]) -> None:
    path.write_text("nonsense\n")
    with pytest.raises(ServingFailure, match=r"line 1 of .* is no record"):
        opened(path, indexed)


def test_record_of_another_version_is_named(path: Path, indexed: list[Entry]) -> None:
    def refuse(entry: Entry) -> None:
        raise KeyError("kind")

    written(path, indexed, 1)
    with pytest.raises(ServingFailure, match=r"record 1 of .* is none of this version"):
        ChainedFile(path, Signing(KEY, EVERY), refuse)


def test_checkpoints_of_another_key_are_refused(path: Path, indexed: list[Entry]) -> None:
    written(path, indexed, 1)
    with pytest.raises(ServingFailure, match="not signed with this server's audit key"):
        opened(path, indexed, Ed25519PrivateKey.generate())


def test_checkpoint_that_cannot_be_written_is_made_up_for(
    path: Path, indexed: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    add = GrowingFile.add

    def fail_on_checkpoints(file: GrowingFile, added: bytes) -> None:
        if file.name.endswith(".checkpoints"):
            raise OSError("disk full")
        add(file, added)

    with opened(path, indexed) as file:
        with monkeypatch.context() as full_disk:
            full_disk.setattr(GrowingFile, "add", fail_on_checkpoints)
            for _ in range(EVERY):
                file.add([{}])
        assert signed(path) == [0]
        file.add([{}])
        assert signed(path) == [0, EVERY + 1]


def test_log_has_one_writer(path: Path, indexed: list[Entry]) -> None:
    with opened(path, indexed), pytest.raises(ServingFailure, match="another server writes"):
        opened(path, indexed)
    with opened(path, indexed):
        pass
