"""The cluster in short: two real servers in clock mode behind one channel, and their simulation."""

import pytest

from scripts.cluster.curves import ServiceCurve
from scripts.cluster.validation import calibrate, clock_servers, clocks_of, compare
from scripts.triton_metrics import read_counters

pytestmark = pytest.mark.triton

STEP_MS = 60.0  # long beside what a busy machine adds to it
RUN_S = 12.0
SHARE = 0.15  # of the capacity: most pictures are alone, so that few of them say enough
TOLERANCE = 0.35  # on a machine that is never quiet; `make cluster ARGS=--validate` says how near


def test_one_channel_spreads_requests_and_the_simulation_foresees_their_latency() -> None:
    clocks = clocks_of(ServiceCurve.of({2: STEP_MS, 16: 4 * STEP_MS}))
    with clock_servers(clocks, 2) as servers:
        work = calibrate(servers[0], clocks)
        before = [read_counters(server.metrics_url, "instantid") for server in servers]
        comparison = compare(servers, work, SHARE, RUN_S)
        first, second = (
            read_counters(server.metrics_url, "instantid").since(past).requests
            for server, past in zip(servers, before, strict=True)
        )
    assert comparison.real.failures == comparison.real.refusals == 0
    assert first + second == comparison.real.arrivals
    assert abs(first - second) <= 1
    assert abs(comparison.errors()["p50"]) < TOLERANCE
