"""Triton's log on disk."""

from pathlib import Path

from instantid_server.serving.log_file import LogFile


def test_text_is_that_of_the_last_start(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", most_bytes=None)
    for line in (b"first\n", b"second\n"):
        with log.open() as file:
            file.write(line)
    assert log.text() == "second\n"


def test_a_log_that_grew_too_large_is_emptied_and_written_on(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", most_bytes=10)
    with log.open() as file:
        for line, kept in (
            (b"one\n", b"one\n"),
            (b"two and more\n", b""),
            (b"three\n", b"three\n"),
        ):
            file.write(line)
            file.flush()
            log.bound()
            assert log.path.read_bytes() == kept
    assert log.text() == "three\n"


def test_a_log_that_someone_else_looks_after_is_never_emptied(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "log", most_bytes=None)
    with log.open() as file:
        file.write(b"a line\n")
    log.bound()
    assert log.text() == "a line\n"
