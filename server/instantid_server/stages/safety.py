"""The safety check: whether a finished picture shows what must not leave the server."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils.dlpack import from_dlpack
from transformers import CLIPConfig

from instantid_server.contract import SAFETY
from instantid_server.errors import InstantIDError, InvalidInput, PolicyUnavailable
from instantid_server.node import NodeContext, Outcome, Tensors
from instantid_server.stages.clip_windows import clip_windows, count_windows
from instantid_server.stages.compute import Compute, read_config, without_weights
from instantid_server.stages.rows import TorchOutcome, TorchTensors, check_shape, run_by_shape
from instantid_server.stages.warmup import NativeSize, warm_up, zeros
from instantid_server.trust.policy import Policy

logger = logging.getLogger(__name__)

WEIGHTS_FILE = "model.safetensors"
NO_WEIGHTS = (
    "no safety weights: import them with `instantid import --safety-checker DIR`, or set "
    'checker = "none" in the policy'
)
NO_CHECKER = 'nothing is judged here: the policy says checker = "none"'

_SPECIAL_CARE = 0.01  # added to the other scores when a picture is near one of special care
_MOST_WINDOWS = 33  # of one picture: 32 times as wide as high
_FINGERPRINT_DIGITS = 8


@dataclass(frozen=True)
class Concepts:
    """What is looked for: directions in CLIP's space, and how near to each a picture may come.

    Both stay in single precision whatever the network computes in, for thresholds lie close to
    the scores of harmless pictures.
    """

    directions: Tensor  # (concepts, D), of length 1
    thresholds: Tensor  # (concepts,), cosines

    @classmethod
    def read(cls, tensors: Mapping[str, Tensor], name: str, device: torch.device) -> "Concepts":
        """Take those that the weights keep as `name`."""
        embeds = tensors[f"{name}_embeds"].to(device, torch.float32)
        thresholds = tensors[f"{name}_embeds_weights"].to(device, torch.float32)
        return cls(normalize(embeds), thresholds)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return (rows, concepts): by how much each row's cosine is above the threshold."""
        return normalize(embeddings.float()) @ self.directions.T - self.thresholds


@dataclass(frozen=True)
class Judgement:
    """How pictures are judged by their embeddings: the checker's own rule, adjusted."""

    concepts: Concepts
    special_care: Concepts
    adjustment: float  # the policy's, added to every score

    def flags(self, embeddings: Tensor) -> Tensor:
        """Return (rows,) of truth values; a score that is no number flags its row."""
        careful = _any_above(self.special_care.scores(embeddings) + self.adjustment)
        scores = self.concepts.scores(embeddings) + self.adjustment
        return _any_above(scores + _SPECIAL_CARE * careful[:, None])


class SafetyChecker:
    """Stable Diffusion's safety checker, which answers whether, and leaves pictures as they are."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(
        self,
        network: StableDiffusionSafetyChecker,
        judgement: Judgement,
        compute: Compute,
        name: str,
    ) -> None:
        self._network = network
        self._judgement = judgement
        self._compute = compute
        self._name = name.encode()
        self._side_px: int = network.config.vision_config.image_size

    @classmethod
    def load(cls, context: NodeContext, adjustment: float) -> "SafetyChecker":
        """Load the network; every tensor has to be there, for none may be made up."""
        compute = Compute.from_context(context)
        weights = context.directory / WEIGHTS_FILE
        tensors = load_file(weights)
        with without_weights():
            config = CLIPConfig.from_dict(read_config(context.directory))
            network = StableDiffusionSafetyChecker(config)
        compute.fill(network, tensors)
        places = network.vision_model.embeddings
        # No file holds this buffer, which the meta device left empty.
        places.position_ids = torch.arange(places.num_positions, device=compute.device)[None]
        concepts, special_care = (
            Concepts.read(tensors, name, compute.device) for name in ("concept", "special_care")
        )
        judgement = Judgement(concepts, special_care, adjustment)
        name = f"clip sha256:{_fingerprint(weights)}"
        stage = cls(compute.ready(network), judgement, compute, name)
        sizes = {"image": NativeSize.of(context).image}
        warm_up(stage.run, partial(zeros, SAFETY, sizes), context.max_batch_size)
        logger.info("pictures are judged by %s, adjustment %+g", name, adjustment)
        return stage

    def run(self, requests: Sequence[TorchTensors]) -> list[Outcome]:
        """Answer with `flagged` (rows, 1), and with what judged."""
        outcomes = run_by_shape(requests, self._check, self._forward, self._compute.device)
        return [self._signed(outcome) for outcome in outcomes]

    def _signed(self, outcome: TorchOutcome) -> Outcome:
        if isinstance(outcome, InstantIDError):
            return outcome
        rows = len(outcome["flagged"])
        return {**outcome, "checker": np.full((rows, 1), self._name, dtype=np.object_)}

    def _check(self, request: TorchTensors) -> None:
        check_shape(request, "image", (None, None, 3))
        height, width = request["image"].shape[1:3]
        if not (height and width and count_windows(height, width) <= _MOST_WINDOWS):
            most = _MOST_WINDOWS - 1
            raise InvalidInput(f"image: expected sides of at most {most}:1, got {height}x{width}")

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], _: int) -> Mapping[str, Tensor]:
        images = rows["image"].to(self._compute.device)
        windows = self._compute.take({"windows": clip_windows(images, self._side_px)})["windows"]
        pooled = self._network.vision_model(windows).pooler_output
        flags = self._judgement.flags(self._network.visual_projection(pooled))
        flagged = flags.view(len(images), -1).any(dim=1, keepdim=True)
        return {"flagged": flagged.to(torch.int32)}


class NoChecker:
    """In the place of a checker where there is none: it lets nothing pass."""

    from_dlpack = staticmethod(from_dlpack)  # as the checker's: a picture may come on a GPU

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Refuse to judge."""
        return [PolicyUnavailable(self._reason) for _ in requests]


def load_safety(context: NodeContext) -> SafetyChecker | NoChecker:
    """Return the checker that the policy asks for.

    Without its weights the stage loads all the same, so that the rest of the server can come up and
    say what is missing.
    """
    policy = Policy.from_environment().safety
    if policy.checker == "none":
        logger.warning("finished pictures are judged by nobody: the policy says so")
        return NoChecker(NO_CHECKER)
    if not (context.directory / WEIGHTS_FILE).is_file():
        logger.error("every picture is refused: %s", NO_WEIGHTS)
        return NoChecker(NO_WEIGHTS)
    return SafetyChecker.load(context, policy.adjustment)


def _any_above(scores: Tensor) -> Tensor:
    # Written this way round, a score that is no number counts as above.
    return ~(scores <= 0).all(dim=1)


def _fingerprint(weights: Path) -> str:
    with weights.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:_FINGERPRINT_DIGITS]
