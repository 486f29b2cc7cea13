"""The autoscaler: how many servers there shall be, by what runs and waits on all of them.

The rule is the HorizontalPodAutoscaler's, which KEDA drives: enough pods that each has `target`
pictures, nothing for small differences, more at once, fewer only when no recommendation of the last
minutes asked for more.
"""

from collections import deque
from dataclasses import dataclass
from math import ceil

_TOLERANCE = 0.1  # the HorizontalPodAutoscaler's default


@dataclass(frozen=True)
class ScalingPolicy:
    """What an operator sets."""

    target: float  # pictures that run or wait, a server
    min_servers: int
    max_servers: int
    poll_s: float = 15.0  # how often the gauges are asked
    down_after_s: float = 300.0  # the stabilisation window of going down
    cold_start_s: float = 120.0  # from the decision to the first request that a new server takes


class Autoscaler:
    """Recommends; it remembers what it has recommended."""

    def __init__(self, policy: ScalingPolicy) -> None:
        self._policy = policy
        self._recent: deque[tuple[float, int]] = deque()

    def recommend(self, now_s: float, load: int, num_servers: int) -> int:
        """Return how many servers there shall be, given the load of all and those ordered."""
        policy = self._policy
        wanted = ceil(load / policy.target)
        if abs(load / policy.target / num_servers - 1) <= _TOLERANCE:
            wanted = num_servers
        wanted = min(max(wanted, policy.min_servers), policy.max_servers)
        self._recent.append((now_s, wanted))
        while self._recent[0][0] < now_s - policy.down_after_s:
            self._recent.popleft()
        if wanted >= num_servers:
            return wanted
        return min(num_servers, max(servers for _, servers in self._recent))
