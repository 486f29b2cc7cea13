"""Training state: what a run keeps on disk so that it can stop at any time and go on."""

import logging
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from scripts.pocket.workers import average_weights, rank, same_everywhere, slowest

logger = logging.getLogger(__name__)

NetworkT = TypeVar("NetworkT", bound=nn.Module)

_SAVE_EVERY_S = 120.0
_LOG_EVERY = 200
_MEET_EVERY = 8  # steps between two averages over the workers
_WARMUP_SHARE = 0.02


@dataclass(frozen=True)
class RunOptions:
    """How long and where a network is trained."""

    checkpoint: Path
    minutes: float  # of training in all, earlier runs of the same checkpoint counted in
    learning_rate: float
    ema_decay: float = 0.999
    weight_decay: float = 0.01


class TrainingRun:
    """One network's optimiser, moving average and checkpoint."""

    def __init__(self, network: nn.Module, options: RunOptions) -> None:
        self.network = network
        self.options = options
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        same_everywhere(network)
        self.optimizer = AdamW(
            self._parameters,
            lr=options.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=options.weight_decay,
            fused=True,
        )
        self.average = {name: value.clone() for name, value in network.state_dict().items()}
        self.step = 0
        self.seconds = 0.0
        if options.checkpoint.exists():
            self._load()

    @property
    def progress(self) -> float:
        """Return the share 0..1 of the time that is used up."""
        return min(1.0, self.seconds / (self.options.minutes * 60))

    def steps(self) -> Iterator[int]:
        """Yield step numbers until the time is up, with learning rate set and state saved."""
        budget_s = self.options.minutes * 60
        saved = last = time.monotonic()
        while True:
            if self.step % _MEET_EVERY == 0:
                average_weights(self._parameters)
                self.seconds = slowest(self.seconds)
                if self.seconds >= budget_s:
                    break
            self._set_learning_rate(self.progress)
            yield self.step
            self.step += 1
            now = time.monotonic()
            self.seconds += now - last
            last = now
            if now - saved > _SAVE_EVERY_S:
                self.save()
                saved = now
        self.save()

    def update(self, loss: Tensor) -> None:
        """Go one step down the gradient of a finite loss and follow with the average."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        if not torch.isfinite(norm):
            logger.warning("step %d skipped: gradient not finite", self.step)
            return
        self.optimizer.step()
        if self.step % _MEET_EVERY == 0:
            self._follow()
        if self.step % _LOG_EVERY == 0:
            minutes = self.seconds / 60
            logger.info("step %d, %.1f min, loss %.4f", self.step, minutes, loss.item())

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        if rank() != 0:
            return
        path = self.options.checkpoint
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        part = path.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, path)

    def _load(self) -> None:
        state = torch.load(self.options.checkpoint, weights_only=True)
        if "network" not in state:  # adopted weights: a start, not a run
            self.network.load_state_dict(state["average"])
            self.average = state["average"]
            return
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average = state["average"]
        self.step, self.seconds = state["step"], state["seconds"]
        logger.info("going on from step %d", self.step)

    def _set_learning_rate(self, progress: float) -> None:
        warmup = min(1.0, progress / _WARMUP_SHARE + 0.02)
        factor = warmup * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * progress)))
        for group in self.optimizer.param_groups:
            group["lr"] = self.options.learning_rate * factor

    def _follow(self) -> None:
        decay = min(self.options.ema_decay, (1 + self.step) / (10 + self.step)) ** _MEET_EVERY
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                average = self.average[name]
                if value.dtype.is_floating_point:
                    average.lerp_(value, 1 - decay)
                else:
                    average.copy_(value)


def load_average(network: nn.Module, checkpoint: Path) -> None:
    """Fill a network with the moving average of a checkpoint."""
    network.load_state_dict(torch.load(checkpoint, weights_only=True)["average"])


def on_training_device(network: NetworkT) -> NetworkT:
    """Return the network where it is trained, in the memory layout that convolutions like."""
    network.to(training_device())
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in the stubs
    return network


def training_device() -> torch.device:
    """Return the GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
