"""`instantid drain`: end a server without losing a picture that it has accepted."""

import argparse
import time

from instantid_client._console import Console
from instantid_client._control import DEFAULT_CONTROL_URL, Control
from instantid_client._errors import ConnectionFailed, DeadlineExceeded

_ANSWER_TIMEOUT_S = 5.0  # of one call; the answers need no drawing
_POLL_S = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `drain`."""
    parser.add_argument(
        "--control-url",
        default=DEFAULT_CONTROL_URL,
        metavar="URL",
        help="the server's control port (default: %(default)s)",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help="return at once; default: when the server has ended"
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=300.0,  # the server's own limit, and the end of Triton
        metavar="SECONDS",
        help="how long to wait for the end (default: %(default)g)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Drain the server and return 0; raises DeadlineExceeded if it is still there at the end."""
    control = Control(arguments.control_url, timeout_s=_ANSWER_TIMEOUT_S)
    control.drain()
    if arguments.no_wait:
        console.answer("the server drains")
        return 0
    _wait_for_end(control, time.monotonic() + arguments.timeout)
    console.answer("the server has ended")
    return 0


def _wait_for_end(control: Control, ends: float) -> None:
    while time.monotonic() < ends:
        try:
            control.status()
        except ConnectionFailed:
            return
        except DeadlineExceeded:
            pass  # busy, but there
        time.sleep(_POLL_S)
    raise DeadlineExceeded("the server still drains")
