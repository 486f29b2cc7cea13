"""A limit of questions: every tenant has a bucket of them, which fills again with time."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from instantid_server.contract import RETRY_HINT
from instantid_server.errors import RateLimited

_MAX_TENANTS = 10_000  # remembered; names are the callers' own, and must not fill the memory
_MINUTE_S = 60.0


@dataclass
class _Bucket:
    questions: float
    filled_s: float


class RateLimit:
    """Lets a tenant ask `per_minute` questions at once, and as many a minute; one thread asks."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()  # who asked last is last

    def take(self, tenant: str) -> None:
        """Count one question; raises RateLimited if none is left."""
        now_s = self._clock()
        bucket = self._buckets.setdefault(tenant, _Bucket(self._per_minute, now_s))
        self._buckets.move_to_end(tenant)
        if len(self._buckets) > _MAX_TENANTS:
            self._buckets.popitem(last=False)
        filled = bucket.questions + (now_s - bucket.filled_s) * self._per_minute / _MINUTE_S
        bucket.questions, bucket.filled_s = min(filled, self._per_minute), now_s
        if bucket.questions < 1:
            seconds = math.ceil((1 - bucket.questions) * _MINUTE_S / self._per_minute)
            hint = RETRY_HINT.format(seconds=seconds)
            raise RateLimited(f"more questions than {self._per_minute} a minute; {hint}")
        bucket.questions -= 1
