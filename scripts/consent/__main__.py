"""`make consent`: every attack of the threat table tried; writes `build/reports/consent.json`."""

import argparse
import sys
from collections.abc import Sequence

import torch

from scripts.bar import Bar, missed_bars
from scripts.consent import (
    audit_attacks,
    audit_cost,
    card_attacks,
    cost,
    door_attacks,
    leaks,
    registry_attacks,
    registry_speed,
    sieve_attacks,
    token_attacks,
)
from scripts.consent.attack import Attack
from scripts.local_server import local_server
from scripts.reports import write_report

_REQUESTS = 40  # whose median is the cost
_QUICK_REQUESTS = 8
BARS = (
    Bar("attacks_succeeded", "<=", 0),
    Bar("leaks", "<=", 0),
    Bar("added_p50_ms", "<=", 5),
    Bar("registry_ms", "<=", 2),
)


def main() -> int:
    """Attack, measure, print and write; 1 where an attack succeeds or a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m scripts.consent", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few of everything")
    options = parser.parse_args()
    torch.set_num_threads(1)
    attacks = _offline_attacks()
    with local_server(policy="") as server:
        attacks += door_attacks.attacks(server)
        added = cost.measure(server, _QUICK_REQUESTS if options.quick else _REQUESTS)
    print(*_table(attacks), "what stays open:", *_table(_open_attacks()), sep="\n")
    figures = {
        "attacks": len(attacks),
        "attacks_succeeded": sum(attack.succeeded for attack in attacks),
        **added,
        **token_attacks.measure(),
        **audit_cost.measure(),
        **registry_speed.measure(options.quick),
        **leaks.measure(),
    }
    for name, value in figures.items():
        print(f"{name:28} {value:10.4g}")
    missed = missed_bars(figures, BARS)
    print("\n".join(missed))
    print(write_report("consent", figures))
    return 1 if missed else 0


def _offline_attacks() -> list[Attack]:
    """Those on what decides, without a server around it."""
    parts = (token_attacks, card_attacks, registry_attacks, sieve_attacks, audit_attacks)
    return [attack for part in parts for attack in part.attacks()]


def _open_attacks() -> list[Attack]:
    """Those that are known to succeed, so that nobody takes the others for all there are."""
    parts = (audit_attacks, registry_attacks, sieve_attacks)
    return [attack for part in parts for attack in part.open_attacks()]


def _table(attacks: Sequence[Attack]) -> list[str]:
    return [
        f"{'SUCCEEDED' if attack.succeeded else 'refused':10} {attack.name:56} {attack.answer}"
        for attack in attacks
    ]


if __name__ == "__main__":
    sys.exit(main())
