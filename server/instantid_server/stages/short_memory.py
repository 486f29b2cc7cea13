"""Values worth keeping between the steps of a request, and no longer."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock, Timer
from time import monotonic
from typing import Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
ValueT = TypeVar("ValueT")


class ShortMemory(Generic[KeyT, ValueT]):
    """Computes a value once and forgets it some seconds after its last use, come what may.

    What comes from a face must not outlive its request, so a timer forgets, not the next caller.
    """

    def __init__(self, compute: Callable[[KeyT], ValueT], size: int, kept_s: float) -> None:
        self._compute = compute
        self._size = size
        self._kept_s = kept_s
        self._values: OrderedDict[KeyT, tuple[float, ValueT]] = OrderedDict()  # oldest use first
        self._timer: Timer | None = None
        self._lock = Lock()  # around both

    def __len__(self) -> int:
        """Return how many values are remembered."""
        with self._lock:
            return len(self._values)

    def get(self, key: KeyT) -> ValueT:
        """Return the value of `key`, computed now if it is not remembered."""
        with self._lock:
            remembered = self._values.get(key)
        value = self._compute(key) if remembered is None else remembered[1]
        with self._lock:
            self._values[key] = (monotonic(), value)
            self._values.move_to_end(key)
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            if self._timer is None:
                self._set_timer(self._kept_s)
        return value

    def _set_timer(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._forget)
        self._timer.daemon = True  # a process that ends waits for nobody's face
        self._timer.start()

    def _forget(self) -> None:
        with self._lock:
            self._timer = None
            while self._values:
                used_s, _ = next(iter(self._values.values()))
                left_s = used_s + self._kept_s - monotonic()
                if left_s > 0:
                    self._set_timer(left_s)
                    return
                self._values.popitem(last=False)
