"""Send nonsense to a server: `make fuzz`, or `python -m scripts.fuzz --examples 500`."""

import argparse
import sys

from scripts.fuzz.run import Target, fuzz
from scripts.local_server import local_server
from scripts.reports import write_report


def main() -> int:
    """Fuzz, print, and write `build/reports/fuzz.json`; fail on a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000, help="(default: 10000)")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")
    options = parser.parse_args()
    with local_server() as server:
        print(server.ready_line, flush=True)
        target = Target(server.grpc_url, server.http_url, server.control_url, server.process.pid)
        outcome = fuzz(target, options.examples, options.seed)
    print("\n".join(outcome.wrongs))
    requests = sum(outcome.answers.values())
    figures = {"violations": len(outcome.wrongs), "requests": requests, **outcome.answers}
    print(write_report("fuzz", figures))
    return 1 if outcome.wrongs else 0


if __name__ == "__main__":
    sys.exit(main())
