"""The start of Triton, watched until every model is ready or it is clear that one never will be."""

import sys
import time
from collections.abc import Callable

from instantid_server.serving.child import TritonChild
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.libpython import SONAME
from instantid_server.serving.log import last_lines, model_failures
from instantid_server.serving.stubs import check_stubs


def wait_until_ready(triton: TritonChild, timeout_s: float, pause: Callable[[], bool]) -> bool:
    """Return True when every model is ready, False when `pause` says to wait no longer.

    Raises ServingFailure with the reason if the server cannot get ready.
    """
    deadline = time.monotonic() + timeout_s
    while not pause():
        log = triton.log.text()
        if failures := model_failures(log):
            raise ServingFailure(FailureCode.MODEL, _joined(failures))
        if (ending := triton.ending()) is not None:
            raise ServingFailure(
                FailureCode.START,
                f"Triton ended while it started ({ending}); its log ends\n{last_lines(log)}",
            )
        if triton.api.is_ready():
            if unready := triton.api.unready_models():
                raise ServingFailure(FailureCode.MODEL, _joined(unready))
            return True
        if time.monotonic() > deadline:
            raise ServingFailure(
                FailureCode.START,
                f"Triton was not ready after {timeout_s:.0f} s; its log ends\n{last_lines(log)}",
            )
    return False


def check_packages(name: str) -> None:
    """Refuse stubs of the server `name` that run with another Python's packages than we do."""
    for libraries in check_stubs(name, SONAME).values():
        raise ServingFailure(
            FailureCode.STUB,
            f"a model runs with parts of another Python: expected {SONAME} and packages of "
            f"{sys.prefix}, found {libraries[0]}; make the environment anew",
        )


def _joined(failures: dict[str, str]) -> str:
    return "; ".join(f"{model}: {reason}" for model, reason in failures.items())
