"""Balancing: which server the next request goes to."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import count
from random import Random

from scripts.cluster.simulated_server import SimulatedServer

Choose = Callable[[Sequence[SimulatedServer]], SimulatedServer]


class Balancing(StrEnum):
    """Ways to spread requests."""

    ROUND_ROBIN = "round robin"  # of one gRPC channel over all pods
    MANY_CHANNELS = "many channels"  # each in turn, but each for itself: together at random
    LEAST_REQUEST = "least request"  # Envoy's: the less loaded of two pods taken at random


def balancer(balancing: Balancing) -> Choose:
    """Return what chooses one server of those that take requests."""
    random, turns = Random(0), count()

    def least_request(servers: Sequence[SimulatedServer]) -> SimulatedServer:
        first, second = random.choice(servers), random.choice(servers)
        return first if first.load <= second.load else second

    return {
        Balancing.ROUND_ROBIN: lambda servers: servers[next(turns) % len(servers)],
        Balancing.MANY_CHANNELS: random.choice,
        Balancing.LEAST_REQUEST: least_request,
    }[balancing]
