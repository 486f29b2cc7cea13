"""What admission needs to know of a request, and nothing of what it shows."""

from dataclasses import dataclass

from instantid_server.contract import PriorityClass


@dataclass(frozen=True)
class Demand:
    """How much work a request is, for whom, and by when."""

    request_id: str
    tenant: str
    priority_class: PriorityClass
    pictures: int
    steps: int
    step_work: int  # pixels that one step computes, over all rows
    seconds_left: float | None  # until its deadline; None: it has none
