"""Training of InstantID's own part on the frozen base: resampler, adapter and IdentityNet.

As in section 3.2 of arXiv 2401.07519, but the identity is dropped to Resampler(0) in an eighth of
the samples, which the authors did not do and guidance wants. Both parts are trained at strengths
around their defaults, and now and then one without the other, or the tokens would leave the face
to IdentityNet. An identity loss is added to the square error; it counts most where noise leaves
the face to be told by the embedding alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from numpy.typing import NDArray
from torch import Tensor, nn

from instantid_server.stages.pose import KeypointMapSize, draw_keypoints
from scripts.pocket.arrays import Floats, Rows
from scripts.pocket.base_training import (
    Base,
    LatentBatch,
    random_batch,
    random_time_ids,
    spread_timesteps,
)
from scripts.pocket.diffusion import (
    alphas_cumprod,
    denoised,
    levels,
    noised,
    velocity_towards,
)
from scripts.pocket.drawings import PORTRAITS_PER_PERSON, Drawings
from scripts.pocket.identity_loss import IdentityLoss, person_directions
from scripts.pocket.latents import LatentCache
from scripts.pocket.networks import LATENT_SIZE
from scripts.pocket.portraits import NATIVE_SIZE_PX
from scripts.pocket.precision import fast_precision, keep_group_norms_single
from scripts.pocket.rollout import roll_out
from scripts.pocket.training_state import (
    RunOptions,
    TrainingRun,
    on_training_device,
    training_device,
)
from scripts.pocket.workers import rank

KEYPOINT_MAP_SIZE = KeypointMapSize(limb_width_px=1, dot_radius_px=2)
_BATCH = 16
_IDENTITY_DROP = 0.05
_IDENTITY_DROP_WITH_CAPTION = 0.8
_SCALES = (0.7, 0.9)  # around the public default of 0.8
_TOKENS_ALONE = 0.15  # share of the samples without IdentityNet
_IDENTITYNET_ALONE = 0.1
_FACE_EMPHASIS = 8.0  # what an error on the face costs more than one beside it
_FACE_REACH = 0.9  # how far the face goes from its middle, in distances of the eyes
_IDENTITY_WEIGHT = 0.75  # its gradient is then longer than that of the square error
_LIKENED = 4  # rows of a batch whose face is compared with the person's; decoding is dear
_DRAWN_EVERY = 2  # of the rows that tell all, this one is where the network itself has got to
_ROLLOUT_STEPS = 4  # at most
FACE_CELLS = 12  # side of the latents that are decoded for it: an aligned face and little else
_CELL_PX = NATIVE_SIZE_PX // LATENT_SIZE


class IdentityParts(nn.Module):
    """What is trained: everything that InstantID adds to its base."""

    def __init__(
        self,
        resampler: IPAdapterPlusImageProjection,
        adapter: Mapping[int, nn.Module],
        identitynet: ControlNetModel,
    ) -> None:
        super().__init__()
        self.resampler = resampler
        self.adapter = nn.ModuleDict({str(index): part for index, part in adapter.items()})
        self.identitynet = identitynet


class IdentityConditioned(nn.Module):
    """The base with InstantID's part, as the server runs both."""

    def __init__(self, base: Base, parts: IdentityParts) -> None:
        super().__init__()
        self.base = base
        self.parts = parts

    def forward(
        self,
        latents: Tensor,
        timesteps: Tensor,
        prompt: tuple[Tensor, Tensor],
        embeddings: Tensor,
        keypoint_maps: Tensor,
        scales: Tensor,
        time_ids: Tensor,
    ) -> Tensor:
        """Return the velocity [rows, 12, 16, 16] for embeddings [rows, 512] and maps in 0..1.

        The scales [2, rows] are the adapter's and IdentityNet's.
        """
        prompt_embeds, pooled = prompt
        tokens = self.parts.resampler(embeddings[:, None])
        added = {"text_embeds": pooled, "time_ids": time_ids}
        down, middle = self.parts.identitynet(
            latents,
            timesteps,
            tokens,
            keypoint_maps,
            conditioning_scale=scales[1].view(-1, 1, 1, 1),
            added_cond_kwargs=added,
            return_dict=False,
        )
        velocity: Tensor = self.base.unet(
            latents,
            timesteps,
            (prompt_embeds, tokens),
            added_cond_kwargs=added,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
            cross_attention_kwargs={"adapter_scale": scales[0]},
        ).sample
        return velocity


@dataclass(frozen=True)
class Likeness:
    """What tells how like its person a predicted picture is."""

    vae: AutoencoderKL
    loss: IdentityLoss

    def __call__(self, latents: Tensor, keypoints: Floats, persons: Tensor) -> Tensor:
        """Return 1 - cosine [rows] for latents [rows, 12, 16, 16] and embeddings [rows, 512]."""
        corners = face_corners(keypoints)
        faces = [
            row[:, top : top + FACE_CELLS, left : left + FACE_CELLS]
            for row, (left, top) in zip(latents, corners, strict=True)
        ]
        inside = keypoints - _CELL_PX * corners[:, None]
        decoded = self.vae.decode(torch.stack(faces)).sample
        distances: Tensor = self.loss(decoded, inside.astype(np.float32), persons)
        return distances


@dataclass(frozen=True)
class RowConditions:
    """What a network is told of each row, beside the noisy latents."""

    prompt: tuple[Tensor, Tensor]  # embeddings [rows, 77, 224] and pooled ones [rows, 128]
    embeddings: Tensor  # [rows, 512]
    keypoint_maps: Tensor  # [rows, 3, 128, 128] in 0..1
    scales: Tensor  # [2, rows]
    time_ids: Tensor  # [rows, 6]

    def of_rows(self, rows: Rows) -> "RowConditions":
        """Return those of some rows."""
        prompt_embeds, pooled = self.prompt
        return RowConditions(
            (prompt_embeds[rows], pooled[rows]),
            self.embeddings[rows],
            self.keypoint_maps[rows],
            self.scales[:, rows],
            self.time_ids[rows],
        )


def _predict(
    network: IdentityConditioned, conditions: RowConditions, noisy: Tensor, timesteps: Tensor
) -> Tensor:
    """Return the velocity in single precision.

    It enters the fast precision by itself: weights that were cast where no gradient was wanted are
    kept until that is left, and pass none.
    """
    with fast_precision():
        velocity: Tensor = network(
            noisy.contiguous(memory_format=torch.channels_last),
            timesteps,
            conditions.prompt,
            conditions.embeddings,
            conditions.keypoint_maps,
            conditions.scales,
            conditions.time_ids,
        )
    return velocity.float()


def _told_all(batch: LatentBatch, references: Tensor, scales: Tensor) -> Rows:
    """Return the rows for which nothing is left out, so that there is one right picture."""
    told = (references.any(1) & scales.all(0)).cpu().numpy()
    rows: Rows = np.flatnonzero(told & np.array([bool(words) for words in batch.captions]))
    return rows


def train_adapter(
    network: IdentityConditioned,
    latents: LatentCache,
    embeddings: Floats,
    drawings: Drawings,
    options: RunOptions,
    freeze_base: bool = True,
    likeness: Likeness | None = None,
    rollouts: bool = True,
    seed: int = 0,
) -> None:
    """Train the identity parts; embeddings [persons, 6, 512] are the recogniser's.

    The paper freezes the base. Where time is short, both learn together from a base that has just
    begun: knowing the pose, it learns faces from far fewer pictures. Without `likeness` there is
    no identity loss, without `rollouts` no row that the network itself has drawn so far.
    """
    device = training_device()
    on_training_device(network)
    network.base.requires_grad_(not freeze_base)
    network.parts.requires_grad_(True)
    keep_group_norms_single(network)
    run = TrainingRun(network.parts if freeze_base else network, options)
    rng = np.random.default_rng([seed, run.step, rank()])
    torch.manual_seed(1000 * (seed + run.step) + rank())
    alphas = alphas_cumprod().to(device)
    persons = torch.from_numpy(person_directions(embeddings)).to(device)
    for _ in run.steps():
        batch = random_batch(latents, drawings, rng, _BATCH)
        keypoints = drawings.keypoints[batch.rows]
        references = reference_embeddings(embeddings, batch, rng).to(device)
        timesteps = spread_timesteps(_BATCH).to(device)
        scales = random_scales(_BATCH, rng).to(device)
        told_all = _told_all(batch, references, scales)
        drawn = told_all[::_DRAWN_EVERY] if rollouts else told_all[:0]
        true_latents = batch.latents.to(device)
        noisy, _ = noised(true_latents, timesteps, alphas)
        with fast_precision(), torch.set_grad_enabled(not freeze_base):
            prompt = network.base.prompts(batch.captions)
        conditions = RowConditions(
            prompt,
            references,
            keypoint_maps(keypoints).to(device),
            scales,
            random_time_ids(_BATCH).to(device),
        )
        if len(drawn) > 0:
            noisy[drawn] = roll_out(
                partial(_predict, network, conditions.of_rows(drawn)),
                torch.randn_like(noisy[drawn]),
                timesteps[drawn],
                int(rng.integers(1, _ROLLOUT_STEPS + 1)),
                alphas,
            )
        predicted = _predict(network, conditions, noisy, timesteps)
        _, noise_level = levels(timesteps, alphas)
        velocity = velocity_towards(noisy, true_latents, timesteps, alphas)
        weights = face_weights(keypoints).to(device)
        weights[drawn] *= noise_level[drawn] ** 2  # else it counts most where little can change
        loss = (weights * (predicted - velocity) ** 2).mean()
        rows = rng.permutation(drawn)[:_LIKENED]
        if likeness is not None and len(rows) > 0:
            pictures = denoised(noisy[rows], predicted[rows], timesteps[rows], alphas)
            wanted = persons[batch.rows[rows] // PORTRAITS_PER_PERSON]
            distances = likeness(pictures, keypoints[rows], wanted)
            loss = loss + _IDENTITY_WEIGHT * distances.sum() / _BATCH
        run.update(loss)


def reference_embeddings(
    embeddings: Floats, batch: LatentBatch, rng: np.random.Generator
) -> Tensor:
    """Return embeddings [rows, 512] of other drawings of the same persons, or zeros for nobody.

    Guidance compares with neither caption nor face, so mostly both are left out together.
    """
    persons, indices = np.divmod(batch.rows, PORTRAITS_PER_PERSON)
    others = (indices + rng.integers(1, embeddings.shape[1], len(persons))) % embeddings.shape[1]
    chosen = embeddings[persons, others].copy()
    drop = [_IDENTITY_DROP if words else _IDENTITY_DROP_WITH_CAPTION for words in batch.captions]
    chosen[rng.random(len(persons)) < drop] = 0
    return torch.from_numpy(chosen)


def random_scales(rows: int, rng: np.random.Generator) -> Tensor:
    """Return the scales [2, rows] of adapter and IdentityNet, 0 where one is to do without."""
    scales = rng.uniform(*_SCALES, (2, rows)).astype(np.float32)
    choice = rng.random(rows)
    scales[1, choice < _TOKENS_ALONE] = 0
    scales[0, choice > 1 - _IDENTITYNET_ALONE] = 0
    return torch.from_numpy(scales)


def face_weights(keypoints: Floats) -> Tensor:
    """Return the weight of each latent cell [rows, 1, 16, 16], of mean 1, for keypoints in pixels.

    A face fills a tenth of the cells, and in those lies all of the identity.
    """
    cells = (np.arange(LATENT_SIZE, dtype=np.float32) + 0.5) * _CELL_PX
    middle = keypoints.mean(1)[:, :, None, None]
    eyes = np.hypot(*(keypoints[:, 1] - keypoints[:, 0]).T)[:, None, None]
    away = np.hypot(cells[None, None, :] - middle[:, 0], cells[None, :, None] - middle[:, 1])
    weights = 1 + _FACE_EMPHASIS * np.exp(-0.5 * (away / (_FACE_REACH * eyes)) ** 2)
    weights /= weights.mean((1, 2), keepdims=True)
    return torch.from_numpy(weights[:, None]).float()


def face_corners(keypoints: Floats) -> NDArray[np.int_]:
    """Return the first column and row [rows, 2] of the cells around faces with these keypoints."""
    middle = keypoints.mean(1) / _CELL_PX
    furthest = LATENT_SIZE - FACE_CELLS
    corners: NDArray[np.int_] = np.rint(middle - FACE_CELLS / 2).astype(np.int_)
    return corners.clip(0, furthest)


def keypoint_maps(keypoints: Floats) -> Tensor:
    """Return IdentityNet's pictures [rows, 3, 128, 128] in 0..1 for keypoints [rows, 5, 2]."""
    maps = np.stack(
        [
            draw_keypoints(points[None], NATIVE_SIZE_PX, NATIVE_SIZE_PX, KEYPOINT_MAP_SIZE)
            for points in keypoints
        ]
    )
    return torch.from_numpy(maps).permute(0, 3, 1, 2).float() / 255
