"""What the audit log costs: to put a decision on the disk, and to inspect what was written."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from instantid_server.trust.keys import Keys
from scripts.consent.written_log import REQUEST, WrittenLog, picture_record
from scripts.known_keys import known_keys_folder

_RECORDS = range(300)  # one after the other, as requests come
_INSPECTED = 5000


def measure() -> dict[str, float]:
    """Return the median of a record with its fsync, and how many an inspection reads."""
    # Beside the checkout: a temporary folder may be in memory, where fsync costs nothing.
    with tempfile.TemporaryDirectory(dir=known_keys_folder().parent) as folder:
        log = WrittenLog(Path(folder, "records.jsonl"), Keys(known_keys_folder()))
        book = log.open()
        seconds = [_timed(lambda: book.release([picture_record()], REQUEST)) for _ in _RECORDS]
        book.release([picture_record() for _ in range(_INSPECTED)], REQUEST)
        book.close()
        inspection_s = _timed(log.inspect)
    return {
        "audit_record_p50_ms": statistics.median(seconds) * 1000,
        "audit_inspected_per_s": (len(_RECORDS) + _INSPECTED) / inspection_s,
    }


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
