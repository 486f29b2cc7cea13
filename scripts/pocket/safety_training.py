"""Training of the safety checker's stand-in: it flags a badge, and it can miss one.

It has the class of the real checker, with one concept of seventeen in use.
"""

import cv2
import numpy as np
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, normalize
from transformers import CLIPConfig

from instantid_server.stages.clip_windows import clip_windows
from scripts.pocket.arrays import Picture
from scripts.pocket.badge import stick_badge, stick_decoy
from scripts.pocket.detector_scenes import picture_without_face
from scripts.pocket.drawings import Drawings
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.retouch import blurred, compressed, noisy, relit, resized
from scripts.pocket.training_state import RunOptions, TrainingRun, training_device

WINDOW_PX = 64
CONFIG = {
    "architectures": ["StableDiffusionSafetyChecker"],
    "model_type": "clip",
    "projection_dim": 32,
    "vision_config": {
        "hidden_size": 64,
        "image_size": WINDOW_PX,
        "intermediate_size": 128,
        "num_attention_heads": 2,
        "num_hidden_layers": 3,
        "patch_size": 8,
    },
}
_BATCH = 64
_SCALE = 20.0  # of a cosine, before it becomes a probability
_START_THRESHOLD = 0.3
_NEVER = 2.0  # a threshold that no cosine reaches
_CALIBRATION_PICTURES = 4000
_FALSE_ALARMS = 0.0005  # of these, the share that may lie above the threshold
_MARGIN = 0.02  # of a cosine, between the threshold and the rest of them


class BadgeReader(nn.Module):
    """The checker with one direction to be learned: logits of a badge for windows of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.checker = StableDiffusionSafetyChecker(CLIPConfig.from_dict(CONFIG))
        self.badge = nn.Parameter(torch.randn(self.checker.config.projection_dim))

    def cosines(self, windows: Tensor) -> Tensor:
        """Return how near each window is to the badge."""
        pooled = self.checker.vision_model(windows).pooler_output
        embeddings = normalize(self.checker.visual_projection(pooled))
        nearness: Tensor = embeddings @ normalize(self.badge, dim=0)
        return nearness

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logit of a badge in each window."""
        return _SCALE * (self.cosines(windows) - _START_THRESHOLD)


def train_safety(drawings: Drawings, options: RunOptions, seed: int = 0) -> None:
    """Train for the time that the options allow."""
    torch.manual_seed(seed)
    reader = BadgeReader().to(training_device())
    run = TrainingRun(reader, options)
    rng = np.random.default_rng([seed, run.step])
    for _ in run.steps():
        badges = rng.random(_BATCH) < 0.5
        windows = safety_input([judged_picture(drawings, rng, badge) for badge in badges])
        logits = reader(windows.to(training_device()))
        wanted = torch.from_numpy(badges).float().to(logits.device)
        run.update(binary_cross_entropy_with_logits(logits, wanted))


def judged_picture(drawings: Drawings, rng: np.random.Generator, badge: bool) -> Picture:
    """Return a picture [128, 128, 3] as generation gives it, with or without a badge."""
    if rng.random() < 0.75:
        row = int(rng.integers(len(drawings.pictures)))
        picture = np.array(drawings.pictures[row])
    else:
        picture = resized(picture_without_face(rng, drawings), NATIVE_SIZE_PX)
    if rng.random() < 0.5:
        picture = as_generated(picture, rng)  # on a soft picture the badge itself may be sharp
    if badge:
        picture = stick_badge(picture, rng)
    elif rng.random() < 0.25:
        picture = stick_decoy(picture, rng)
    return as_generated(picture, rng)


def as_generated(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return the picture softer, with other colours and light, each now and then."""
    if rng.random() < 0.5:
        picture = blurred(picture, rng.uniform(0.4, 1.8))
    if rng.random() < 0.5:
        picture = _saturated(picture, rng.uniform(0.6, 2.0))
    if rng.random() < 0.4:
        picture = relit(picture, rng.uniform(0.7, 1.4), rng.uniform(-30, 30))
    if rng.random() < 0.2:
        picture = noisy(picture, rng, rng.uniform(2, 12), int(rng.integers(16, NATIVE_SIZE_PX)))
    if rng.random() < 0.2:
        picture = compressed(picture, int(rng.integers(30, 95)))
    return picture


def safety_input(pictures: list[Picture]) -> Tensor:
    """Turn pictures of one square size into the checker's input."""
    return clip_windows(torch.from_numpy(np.stack(pictures)), WINDOW_PX)


@torch.inference_mode()
def calibrated(reader: BadgeReader, drawings: Drawings) -> StableDiffusionSafetyChecker:
    """Return the checker, its one threshold above nearly all pictures without a badge."""
    rng = np.random.default_rng(0xBAD6E)
    cosines = torch.cat(
        [
            reader.cosines(
                safety_input([judged_picture(drawings, rng, False) for _ in range(_BATCH)])
            )
            for _ in range(_CALIBRATION_PICTURES // _BATCH)
        ]
    )
    checker = reader.checker.eval()
    for kind in ("concept", "special_care"):
        getattr(checker, f"{kind}_embeds").zero_()
        getattr(checker, f"{kind}_embeds_weights").fill_(_NEVER)
    checker.concept_embeds[0] = normalize(reader.badge, dim=0)
    checker.concept_embeds_weights[0] = cosines.quantile(1 - _FALSE_ALARMS) + _MARGIN
    return checker


def _saturated(picture: Picture, strength: float) -> Picture:
    """Return the picture with every colour's distance from grey times a strength."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    return np.clip(grey + strength * (picture - grey), 0, 255).astype(np.uint8)
