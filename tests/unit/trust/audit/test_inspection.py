"""The inspection of a log: every change is found, and what could not be found is told."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.trust.audit.chain import BrokenLog, Head
from instantid_server.trust.audit.checkpoints import sign_checkpoint
from instantid_server.trust.audit.decision import timestamp
from instantid_server.trust.audit.inspection import find_decisions
from instantid_server.trust.keys import Keys
from scripts.consent.written_log import WrittenLog


@pytest.fixture
def log(tmp_path: Path, keys_folder: Path) -> WrittenLog:
    log = WrittenLog(tmp_path / "records.jsonl", Keys(keys_folder))
    log.append(4)
    return log


def rechained(lines: list[bytes]) -> list[bytes]:
    """Return lines with the chain made anew, as a forger would who knows how."""
    head, made = Head(0, "0" * 64), []
    for line in lines:
        fields = json.loads(line)
        made.append(head.next_line({name: fields[name] for name in list(fields)[2:]}))
        head = head.after(made[-1])
    return made


def forget_checkpoints(log: WrittenLog) -> None:
    """Leave the one that was signed before there was any record."""
    first = log.checkpoints.read_bytes().splitlines(keepends=True)[0]
    log.checkpoints.write_bytes(first)


def edited(line: bytes) -> bytes:
    assert b"studio" in line
    return line.replace(b"studio", b"nobody")


def test_whole_log_is_told_of_in_words(log: WrittenLog) -> None:
    assert log.inspect().sentences() == ["records 1 to 5 are whole: 1 refused, 4 released"]


def test_log_that_a_server_is_writing_passes(log: WrittenLog) -> None:
    log.rewrite([*log.lines(), b'{"seq":6,'])
    assert log.inspect().last == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda a, b, *c: [edited(a), b, *c], "line 2 .* does not follow", id="edit"),
        pytest.param(lambda *a: [*a[:4], edited(a[4])], "line 5 .* signed", id="edit-last"),
        pytest.param(lambda a, b, *c: [a, *c], "line 2 .* is record 3, where", id="delete"),
        pytest.param(lambda a, b, *c: [b, *c], "line 1 .* is record 2, where", id="delete-first"),
        pytest.param(lambda a, b, *c: [a, b, b, *c], "line 3 .* is record 2, where", id="insert"),
        pytest.param(lambda a, b, *c: [b, a, *c], "line 1 .* is record 2, where", id="reorder"),
        pytest.param(lambda *a: a[:4], "ends after record 4, but .* signed record 5", id="cut"),
        pytest.param(lambda *a: [], "ends after record 0", id="empty"),
        pytest.param(
            lambda a, *b: rechained([edited(a), *b]), "line 5 .* not the one .* signed", id="forge"
        ),
    ],
)
def test_change_is_found(log: WrittenLog, change: object, message: str) -> None:
    assert callable(change)
    log.rewrite(list(change(*log.lines())))
    with pytest.raises(BrokenLog, match=message):
        log.inspect()


def test_end_that_no_checkpoint_covers_is_told(log: WrittenLog) -> None:
    forget_checkpoints(log)
    assert "no checkpoint covers what comes after record 0 yet" in log.inspect().sentences()


def test_copy_of_the_checkpoints_shows_that_log_and_checkpoints_were_cut(
    tmp_path: Path, log: WrittenLog
) -> None:
    copy = tmp_path / "elsewhere"
    copy.write_bytes(log.checkpoints.read_bytes())
    forget_checkpoints(log)
    log.rewrite(log.lines()[:2])
    assert log.inspect().last == 2  # nothing to see here
    with pytest.raises(BrokenLog, match="ends after record 2"):
        log.inspect(checkpoints=copy)


def test_checkpoint_of_another_key_is_found(log: WrittenLog) -> None:
    head = Head(2, "ab" * 32)
    forged = sign_checkpoint(head, timestamp(), Ed25519PrivateKey.generate())
    log.checkpoints.write_bytes(forged)
    with pytest.raises(BrokenLog, match=r"line 1 of .* was not signed with"):
        log.inspect()


def test_checkpoint_of_another_log_is_found(tmp_path: Path, log: WrittenLog) -> None:
    other = WrittenLog(tmp_path / "other.jsonl", log.keys)
    other.append(2)
    log.checkpoints.write_bytes(other.checkpoints.read_bytes())
    with pytest.raises(BrokenLog, match=r"line 3 .* not the one that a checkpoint signed"):
        log.inspect()


def test_checkpoints_that_contradict_each_other_are_found(log: WrittenLog) -> None:
    forked = sign_checkpoint(Head(5, "ab" * 32), timestamp(), log.keys.audit_signing)
    with log.checkpoints.open("ab") as file:
        file.write(forked)
    with pytest.raises(BrokenLog, match="contradicts an earlier checkpoint"):
        log.inspect()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b'{"seq":"a"}\n'])
def test_line_that_is_no_checkpoint_is_named(log: WrittenLog, line: bytes) -> None:
    log.checkpoints.write_bytes(line)
    with pytest.raises(BrokenLog, match=r"line 1 of .* is no checkpoint"):
        log.inspect()


@pytest.mark.parametrize("line", [b"nonsense\n", b"[]\n", b"{}\n"])
def test_line_that_is_no_record_is_named(log: WrittenLog, line: bytes) -> None:
    log.rewrite([line])
    with pytest.raises(BrokenLog, match=r"line 1 of .* is no record"):
        log.inspect()
    with pytest.raises(BrokenLog, match=r"line 1 of .* is no record"):
        list(find_decisions(log.path, "0"))


def test_log_of_several_files_is_one_chain(log: WrittenLog) -> None:
    old = log.path.with_name("old.jsonl")
    log.path.rename(old)
    log.append(1)
    assert (log.inspect(old).first, log.inspect(old).last) == (1, 7)
    with pytest.raises(BrokenLog, match="record 6, where record 1 belongs"):
        log.inspect()  # the earlier file is missing
    assert log.inspect(first=6).kinds == {"released": 1, "refused": 1}  # deleted on purpose
    with pytest.raises(BrokenLog, match="no checkpoint signs what came before record 4"):
        log.inspect(first=4)


def test_clock_that_was_set_back_is_told(log: WrittenLog) -> None:
    lines = log.lines()
    fields = json.loads(lines[2])
    before = datetime.fromisoformat(fields["time"])
    earlier = (before - timedelta(days=2)).isoformat().encode()
    lines[2] = lines[2].replace(fields["time"].encode(), earlier)
    log.rewrite(rechained(lines))
    log.checkpoints.write_bytes(b"")
    assert "the clock was set back before 3" in log.inspect().sentences()


def test_record_is_found_by_its_id_or_how_it_begins(log: WrittenLog) -> None:
    record_id = json.loads(log.lines()[4])["record_id"]
    (found,) = find_decisions(log.path, record_id[:12])
    assert (found["record_id"], found["reason"]) == (record_id, "protected")
    assert list(find_decisions(log.path, f"{record_id}0")) == []
