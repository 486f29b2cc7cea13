"""The simulated cluster: its servers, and what becomes of requests."""

from collections import Counter
from dataclasses import replace

import pytest

from instantid_server.contract import ErrorCode
from instantid_server.serving.limits import AdmissionLimits
from scripts.cluster.autoscaling import Autoscaler, ScalingPolicy
from scripts.cluster.balancing import Balancing
from scripts.cluster.cluster import Scenario, simulate
from scripts.cluster.curves import ServiceCurve
from scripts.cluster.pictures import BOUND, PictureWork
from scripts.load.arrivals import poisson_arrivals
from scripts.load.records import ANSWERED

# Two pictures cost no more than one, so that sharing shows.
WORK = PictureWork(
    identitynet=ServiceCurve.constant(30.0),
    unet=ServiceCurve.constant(70.0),
    vae_decoder=ServiceCurve.constant(50.0),
    steps=10,
    before_s=0.02,
    after_s=0.03,
    loses_wakeups=False,
)
POLICY = ScalingPolicy(target=2.0, min_servers=1, max_servers=4, poll_s=5.0, down_after_s=60.0)


def test_a_picture_that_is_alone_takes_its_own_time() -> None:
    (record,) = simulate(Scenario(WORK, 1), [0.0]).records
    assert record.latency_s == pytest.approx(1.1)
    assert record.latency_s == pytest.approx(WORK.alone_s)


def test_pictures_that_come_together_share_their_steps() -> None:
    records = simulate(Scenario(WORK, 1), [0.0, 0.0]).records
    assert max(record.latency_s for record in records) < 1.25 * WORK.alone_s


def test_an_iron_law_holds_at_the_bound_where_sharing_gains_nothing() -> None:
    records = simulate(Scenario(BOUND, 1), [0.0] * 8).records
    assert max(record.ended_s for record in records) == pytest.approx(8 / BOUND.capacity_per_s)


def test_who_may_neither_run_nor_wait_is_refused() -> None:
    limits = AdmissionLimits(max_running_pictures=1, max_waiting=1)
    records = simulate(Scenario(WORK, 1, limits), [0.0, 0.1, 0.2]).records
    outcomes = Counter(record.outcome for record in records)
    assert outcomes == {ANSWERED: 2, ErrorCode.OVERLOADED: 1}
    assert records[0].refused


def test_who_waits_runs_as_soon_as_a_place_is_free() -> None:
    limits = AdmissionLimits(max_running_pictures=1, max_waiting=1)
    records = simulate(Scenario(WORK, 1, limits), [0.0, 0.0]).records
    assert records[-1].ended_s == pytest.approx(2 * WORK.alone_s)


@pytest.mark.parametrize("balancing", Balancing)
def test_every_way_of_balancing_answers_everybody(balancing: Balancing) -> None:
    arrivals = poisson_arrivals(2.0, 20.0, seed=1)
    records = simulate(Scenario(WORK, 3, balancing=balancing), arrivals).records
    assert [record.outcome for record in records] == [ANSWERED] * len(arrivals)


def test_less_loaded_servers_are_faster_than_servers_taken_at_random() -> None:
    arrivals = poisson_arrivals(4.0, 60.0, seed=1)
    seconds = {
        balancing: sum(
            record.latency_s
            for record in simulate(Scenario(BOUND, 6, balancing=balancing), arrivals).records
        )
        for balancing in (Balancing.LEAST_REQUEST, Balancing.MANY_CHANNELS)
    }
    assert seconds[Balancing.LEAST_REQUEST] < seconds[Balancing.MANY_CHANNELS]


def test_a_simulation_says_the_same_every_time() -> None:
    arrivals = poisson_arrivals(3.0, 20.0, seed=1)
    scenario = Scenario(replace(WORK, loop_s=0.002, loses_wakeups=True), 2)
    assert simulate(scenario, arrivals) == simulate(scenario, arrivals)


def test_servers_are_paid_for_until_the_last_answer() -> None:
    outcome = simulate(Scenario(WORK, 3), [0.0])
    assert outcome.gpu_seconds == pytest.approx(3 * WORK.alone_s)


def test_a_burst_brings_servers_and_calm_sends_them_away() -> None:
    scenario = Scenario(WORK, 1, scaling=replace(POLICY, cold_start_s=10.0))
    burst = poisson_arrivals(3.0, 60.0, seed=1)
    calm = [60.0 + 10.0 * number for number in range(30)]
    outcome = simulate(scenario, [*burst, *calm])
    numbers = [number for _, number in outcome.servers]
    assert max(numbers) > 1
    assert numbers[-1] == 1
    assert all(record.outcome == ANSWERED for record in outcome.records)


def test_small_differences_change_nothing() -> None:
    assert Autoscaler(POLICY).recommend(0.0, load=6, num_servers=3) == 3
    assert Autoscaler(replace(POLICY, target=1.9)).recommend(0.0, load=6, num_servers=3) == 3


def test_the_number_of_servers_stays_within_its_limits() -> None:
    assert Autoscaler(POLICY).recommend(0.0, load=100, num_servers=2) == 4
    assert Autoscaler(POLICY).recommend(0.0, load=0, num_servers=1) == 1


def test_fewer_servers_are_asked_for_only_after_a_while() -> None:
    autoscaler = Autoscaler(POLICY)
    assert autoscaler.recommend(0.0, load=8, num_servers=4) == 4
    assert autoscaler.recommend(30.0, load=0, num_servers=4) == 4
    assert autoscaler.recommend(61.0, load=0, num_servers=4) == 1
