"""The leash: a small process that ends Triton when the entry process is gone, however it went.

It waits for the end of its standard input, whose other end the entry process alone holds, and then
removes all that carries the server's name. A death signal from the kernel would reach Triton only;
the leash also ends the stubs, and removes their files. It sits in a session of its own, where no
Ctrl-C and no signal to the entry's process group reaches it.
"""

import signal
import subprocess
import sys
from pathlib import Path

from instantid_server.serving.lease import Lease
from instantid_server.serving.remains import remove_remains


def start_leash(lease: Lease) -> subprocess.Popen[bytes]:
    """Start the process; it acts when the caller ends or closes the returned `stdin`."""
    leash = subprocess.Popen(
        [sys.executable, "-m", "instantid_server.serving.leash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert leash.stdin is not None
    # The name goes through the pipe: on the command line, the leash would kill itself for it.
    leash.stdin.write(f"{lease.name}\n{lease.scratch}\n".encode())
    leash.stdin.flush()
    return leash


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    name, scratch = sys.stdin.read().splitlines()
    remove_remains(name, Path(scratch))


if __name__ == "__main__":
    _main()
