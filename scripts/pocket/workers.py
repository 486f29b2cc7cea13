"""Workers: several processes that train one network by averaging their weights now and then.

On a processor two workers of one thread each are faster than one with two threads, the more so
beside other work: they wait for each other every few steps and not in every operation.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.multiprocessing.spawn import spawn

from scripts.orphans import end_with_parent


def run_workers(work: Callable[[], None], count: int) -> None:
    """Call a picklable function in so many processes that know each other."""
    if count == 1:
        work()
        return
    with tempfile.TemporaryDirectory() as folder:
        meeting_point = str(Path(folder) / "meeting_point")
        spawn(_join, args=(work, count, meeting_point), nprocs=count)


def rank() -> int:
    """Return this worker's number; worker 0 writes the files."""
    return dist.get_rank() if dist.is_initialized() else 0


def same_everywhere(network: nn.Module) -> None:
    """Give every worker the weights of worker 0."""
    if dist.is_initialized():
        for tensor in network.state_dict().values():
            dist.broadcast(tensor, src=0)


def slowest(seconds: float) -> float:
    """Return the largest of the workers' clocks, so that all stop at the same step."""
    if not dist.is_initialized():
        return seconds
    clock = torch.tensor(seconds, dtype=torch.float64)
    dist.all_reduce(clock, op=dist.ReduceOp.MAX)
    return float(clock)


def average_weights(parameters: list[nn.Parameter]) -> None:
    """Replace every weight by its mean over the workers."""
    if not dist.is_initialized():
        return
    with torch.no_grad():
        flat = torch.cat([parameter.flatten() for parameter in parameters])
        dist.all_reduce(flat)
        flat /= dist.get_world_size()
        parts = flat.split([parameter.numel() for parameter in parameters])
        for parameter, part in zip(parameters, parts, strict=True):
            parameter.copy_(part.view_as(parameter))


def _join(number: int, work: Callable[[], None], count: int, meeting_point: str) -> None:
    # Else a killed training command leaves workers that train on, into the same checkpoint.
    end_with_parent()
    dist.init_process_group(
        "gloo", init_method=f"file://{meeting_point}", rank=number, world_size=count
    )
    try:
        work()
    finally:
        dist.destroy_process_group()
