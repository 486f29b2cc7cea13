"""When callers come who do not wait for each other."""

import random


def poisson_arrivals(rate_per_s: float, duration_s: float, seed: int) -> list[float]:
    """Return the moments of independent arrivals within `duration_s`, the same for the same seed.

    The moments are settled before the run: a server that slows down must not slow its callers down,
    or its worst moments are asked about least.
    """
    draw = random.Random(seed)
    moments = []
    moment = draw.expovariate(rate_per_s)
    while moment < duration_s:
        moments.append(moment)
        moment += draw.expovariate(rate_per_s)
    return moments
