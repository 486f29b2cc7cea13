"""What the load test asks for, and when."""

from itertools import pairwise
from statistics import mean

import pytest

from instantid_server.contract import INSTANTID
from instantid_server.request import SizeLimits, read_request
from scripts.load.arrivals import poisson_arrivals
from scripts.load.workloads import WORKLOADS, Requests, Scale

LIMITS = SizeLimits(
    native_height=128, native_width=128, max_height=256, max_width=256, vae_scale_factor=8
)


@pytest.mark.parametrize("name", [*WORKLOADS])
def test_every_request_is_one_that_the_server_takes(name: str) -> None:
    requests = Requests(WORKLOADS[name], Scale(side_px=128, steps=30), seed=1)
    types = {spec.name: spec.dtype for spec in INSTANTID.inputs}
    for _ in range(20):
        tensors = requests.draw()
        read_request(tensors, LIMITS)
        assert tensors.keys() <= types.keys()


def test_mixture_has_the_sizes_and_steps_of_its_kinds() -> None:
    requests = Requests(WORKLOADS["mixed"], Scale(side_px=128, steps=30), seed=1)
    drawn = [requests.draw() for _ in range(300)]
    sizes = {(int(tensors["width"][0]), int(tensors["height"][0])) for tensors in drawn}
    assert sizes == {(128, 128), (104, 152), (96, 96)}
    assert {int(tensors["num_inference_steps"][0]) for tensors in drawn} == {20, 30, 50}
    native = sum(int(tensors["width"][0]) == 128 for tensors in drawn)
    assert 0.6 < native / len(drawn) < 0.8


def test_same_seed_asks_for_the_same() -> None:
    first, second = (Requests(WORKLOADS["mixed"], Scale(), seed=4).draw() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)


def test_arrivals_have_their_rate_and_no_rhythm() -> None:
    moments = poisson_arrivals(rate_per_s=5.0, duration_s=400.0, seed=1)
    gaps = [after - before for before, after in pairwise(moments)]
    assert 1900 < len(moments) < 2100
    # Of independent arrivals, e^-1 of the gaps are longer than the mean one.
    assert 0.33 < mean(gap > 0.2 for gap in gaps) < 0.41
