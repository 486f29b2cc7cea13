"""The entry process: the one owner of a running server, in the foreground from start to end.

It starts Triton as its child and the leash beside it, waits until every model is ready, says so in
one line on standard output, and from then on watches, mends, and decides who may run. SIGTERM,
SIGINT or SIGHUP drain the server and end it; a second one ends it in haste.
"""

import sys
import time
from contextlib import ExitStack
from pathlib import Path

from instantid_server.serving.child import TritonChild
from instantid_server.serving.control import ControlPort
from instantid_server.serving.desk import AdmissionDesk
from instantid_server.serving.doors import left_open, open_doors
from instantid_server.serving.failure import ServingFailure
from instantid_server.serving.lease import release, sweep_stale, take_lease
from instantid_server.serving.leash import start_leash
from instantid_server.serving.limits import read_limits
from instantid_server.serving.log import LogEcho
from instantid_server.serving.options import ServeOptions
from instantid_server.serving.pools import read_cuda_pools
from instantid_server.serving.preflight import check_all, memory_warning
from instantid_server.serving.record_book import RecordBook
from instantid_server.serving.remote_watch import RemoteWatch
from instantid_server.serving.state import StateBoard
from instantid_server.serving.stop import StopWish
from instantid_server.serving.supervisor import Supervisor
from instantid_server.serving.terminal import Terminal
from instantid_server.serving.trust import check_permits, prepare_keys, read_policy, weakened
from instantid_server.trust.keys import Keys


def main(options: ServeOptions) -> int:
    """Serve until told to end; return the exit status of the process."""
    stop = StopWish()
    terminal = Terminal()
    try:
        _serve(options, stop, terminal)
    except ServingFailure as failure:
        terminal.say(str(failure))
        return 1
    return 0


def _serve(options: ServeOptions, stop: StopWish, terminal: Terminal) -> None:
    began = time.monotonic()
    for name in sweep_stale():
        terminal.say(f"removed what {name} had left, whose owner is gone")
    installation = check_all(options)
    limits = read_limits(options.ensemble_repository, options.profile)
    cuda_pools_mib = read_cuda_pools(options.ensemble_repository, options.profile)
    policy = read_policy(options.policy_path)
    doors = open_doors(options)
    said = (*prepare_keys(options.keys_folder), *weakened(policy), *left_open(options))
    for line in said:
        terminal.say(line)
    check_permits(policy, options.keys_folder, options.model_repository)
    if warning := memory_warning(Path("/proc/meminfo").read_text()):
        terminal.say(f"warning: {warning}")
    with ExitStack() as ends:  # runs in reverse
        lease = take_lease()
        ends.callback(release, lease)
        leash = start_leash(lease)
        ends.callback(leash.communicate)  # closes the pipe: the leash removes everything, and ends
        keys = Keys(options.keys_folder)
        book = RecordBook(options.records_path, keys, policy.audit.checkpoint_every)
        ends.callback(book.close)
        desk = AdmissionDesk(lease.desk_path, limits, book)
        desk.start()
        ends.callback(desk.stop)
        triton = TritonChild(options, installation, cuda_pools_mib, lease, policy, doors)
        if options.verbose:
            terminal.follow(LogEcho(triton.log.path, sys.stderr.buffer))
        board = StateBoard()
        address = (options.host, options.control_port)
        records = options.records_path.parent
        remote = RemoteWatch(options.remote_stages) if options.remote_stages else None
        control = ControlPort(address, board, desk, triton.api, stop.utter, records, remote)
        control.start()
        ends.callback(control.stop)
        ends.callback(_stop_triton, triton, stop, terminal)
        supervisor = Supervisor(options, triton, desk, board, stop, terminal)
        if supervisor.begin():
            sys.stdout.write(f"{_ready_line(options, time.monotonic() - began)}\n")
            sys.stdout.flush()
            supervisor.run()


def _stop_triton(triton: TritonChild, stop: StopWish, terminal: Terminal) -> None:
    if not triton.stop(stop.in_haste):
        terminal.say("Triton did not end in time and was killed")
    terminal.echo()


def _ready_line(options: ServeOptions, seconds: float) -> str:
    addresses = (
        f"{name.removesuffix('_port')} {options.host}:{port}"
        for name, port in options.ports.items()
    )
    return f"ready: {', '.join(addresses)} ({seconds:.1f} s)"
