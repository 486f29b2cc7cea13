"""Demands for a place: small ones unless a test says otherwise."""

from instantid_server.contract import PriorityClass
from instantid_server.demand import Demand

STEP_WORK = 64 * 64  # pixels, of one row


def demand_of(
    tenant: str = "",
    pictures: int = 1,
    priority_class: PriorityClass = PriorityClass.NORMAL,
    request_id: str = "",
    steps: int = 10,
    seconds_left: float | None = None,
) -> Demand:
    """Return the demand of a request without guidance."""
    return Demand(
        request_id=request_id,
        tenant=tenant,
        priority_class=priority_class,
        pictures=pictures,
        steps=steps,
        step_work=pictures * STEP_WORK,
        seconds_left=seconds_left,
    )
