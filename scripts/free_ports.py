"""Ports for servers that a script or a test starts."""

import contextlib
import random
import socket

# Below the range from which the kernel takes ports for outgoing connections.
_PORTS = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """Return ports of 127.0.0.1 that nobody listens on."""
    with contextlib.ExitStack() as stack:
        chosen: list[int] = []
        while len(chosen) < count:
            probe = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", random.choice(_PORTS)))
                chosen.append(probe.getsockname()[1])
    return chosen
