"""Attacks on the audit log by somebody who can write its files, but has no key."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.serving.failure import ServingFailure
from instantid_server.trust.audit.chain import START, BrokenLog, Head
from instantid_server.trust.audit.checkpoints import sign_checkpoint
from instantid_server.trust.audit.decision import timestamp
from instantid_server.trust.keys import Keys, make_test_keys
from scripts.consent.attack import Attack
from scripts.consent.written_log import TENANT, WrittenLog

_PICTURES = 6


def attacks() -> list[Attack]:
    """Try those that have to be found, by an inspection or when a server starts."""
    on_lines = {
        "line edited": lambda lines: [_edited(lines[0]), *lines[1:]],
        "last line edited": lambda lines: [*lines[:-1], _edited(lines[-1])],
        "line edited, all later ones made to follow": lambda lines: _chained(
            [_edited(lines[0]), *lines[1:]]
        ),
        "line deleted": lambda lines: [lines[0], *lines[2:]],
        "first line deleted": lambda lines: lines[1:],
        "line inserted": lambda lines: [lines[0], lines[0], *lines[1:]],
        "line inserted, all later ones made to follow": lambda lines: _chained([lines[0], *lines]),
        "lines reordered": lambda lines: [lines[1], lines[0], *lines[2:]],
        "end cut off": lambda lines: lines[:-1],
        "whole log replaced": lambda lines: _chained(lines[:2]),
    }
    tried = [_inspected(name, _rewriting(change)) for name, change in on_lines.items()]
    return [
        *tried,
        _inspected("checkpoint forged", _forge_checkpoint),
        _inspected("checkpoint edited", _edit_checkpoint),
        _inspected("checkpoints of another log", _swap_checkpoints),
        _inspected("log and checkpoints cut, a copy is elsewhere", _cut_both),
        _inspected("log and checkpoints of another server, a copy is elsewhere", _swap_both),
        _gone_on_with("server started on an edited log", _rewriting(on_lines["line edited"])),
        _gone_on_with("server started on a cut log", _rewriting(on_lines["end cut off"])),
    ]


def open_attacks() -> list[Attack]:
    """Try those that nothing can show: where no checkpoint covers, or none is out of reach."""
    return [
        _inspected("records after the last checkpoint cut off", _cut_unsigned_end),
        _inspected("log and checkpoints cut, no copy is elsewhere", _cut_both, copied=False),
    ]


def _inspected(name: str, attack: Callable[[WrittenLog], None], copied: bool = True) -> Attack:
    """Attack a log of its own, and inspect it with the checkpoints as they were, if `copied`."""
    with tempfile.TemporaryDirectory() as folder:
        log = _written(Path(folder))
        copy = Path(folder, "copy")
        copy.write_bytes(log.checkpoints.read_bytes())
        attack(log)
        try:
            finding = log.inspect()
            if copied:
                finding = log.inspect(checkpoints=copy)
        except BrokenLog as error:
            return Attack(f"audit: {name}", False, str(error).replace(f"{folder}/", ""))
    return Attack(f"audit: {name}", True, finding.sentences()[0])


def _gone_on_with(name: str, attack: Callable[[WrittenLog], None]) -> Attack:
    with tempfile.TemporaryDirectory() as folder:
        log = _written(Path(folder))
        attack(log)
        try:
            log.open().close()
        except ServingFailure as failure:
            return Attack(f"audit: {name}", False, failure.code)
    return Attack(f"audit: {name}", True, "the server went on")


def _written(folder: Path) -> WrittenLog:
    make_test_keys(folder / "keys")
    log = WrittenLog(folder / "records.jsonl", Keys(folder / "keys"))
    log.append(_PICTURES)
    return log


def _rewriting(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[WrittenLog], None]:
    return lambda log: log.rewrite(change(log.lines()))


def _edited(line: bytes) -> bytes:
    return line.replace(TENANT.encode(), b"nobody")


def _chained(lines: list[bytes]) -> list[bytes]:
    """Return what lines say in a chain of their own, which needs no key."""
    head, made = START, []
    for line in lines:
        fields = json.loads(line)
        del fields["seq"], fields["prev"]
        made.append(head.next_line(fields))
        head = head.after(made[-1])
    return made


def _forge_checkpoint(log: WrittenLog) -> None:
    lines = _chained(log.lines()[:2])
    head = START
    for line in lines:
        head = head.after(line)
    log.rewrite(lines)
    log.checkpoints.write_bytes(sign_checkpoint(head, timestamp(), Ed25519PrivateKey.generate()))


def _edit_checkpoint(log: WrittenLog) -> None:
    lines = log.lines()[:-1]
    log.rewrite(lines)
    *earlier, last = log.checkpoints.read_bytes().splitlines(keepends=True)
    fields = json.loads(last) | {"seq": len(lines), "head": Head(0, "").after(lines[-1]).value}
    log.checkpoints.write_bytes(b"".join(earlier) + json.dumps(fields).encode() + b"\n")


def _another(log: WrittenLog) -> WrittenLog:
    """Return a log with the same keys, whose checkpoints are as good as this one's."""
    other = WrittenLog(log.path.with_name("other.jsonl"), log.keys)
    other.append(_PICTURES)
    return other


def _swap_checkpoints(log: WrittenLog) -> None:
    log.checkpoints.write_bytes(_another(log).checkpoints.read_bytes())


def _swap_both(log: WrittenLog) -> None:
    other = _another(log)
    log.rewrite(other.lines())
    log.checkpoints.write_bytes(other.checkpoints.read_bytes())


def _cut_both(log: WrittenLog) -> None:
    log.rewrite(log.lines()[:1])
    first_checkpoint = log.checkpoints.read_bytes().splitlines(keepends=True)[0]
    log.checkpoints.write_bytes(first_checkpoint)


def _cut_unsigned_end(log: WrittenLog) -> None:
    """Cut what a server wrote that was killed before it could sign."""
    signed = log.lines()
    log.append(_PICTURES)
    log.rewrite(signed)
    *earlier, _ = log.checkpoints.read_bytes().splitlines(keepends=True)
    log.checkpoints.write_bytes(b"".join(earlier))
