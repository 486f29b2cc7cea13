"""Trained networks: what the checkpoints of a work folder hold, ready to use."""

import os
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker

from instantid_server.stages.attention import install_adapter
from scripts.pocket.adapter_training import IdentityConditioned, IdentityParts
from scripts.pocket.base_training import Base
from scripts.pocket.detector_refit import refit_keypoints
from scripts.pocket.drawings import Drawings, load_drawings
from scripts.pocket.export import Networks
from scripts.pocket.latents import standardise
from scripts.pocket.networks import (
    Detector,
    Recogniser,
    new_identitynet,
    new_resampler,
    new_text_encoders,
    new_unet,
    new_vae,
)
from scripts.pocket.prompts import PromptEncoder
from scripts.pocket.safety_training import BadgeReader, calibrated
from scripts.pocket.training_state import load_average
from scripts.pocket.vae_training import decoding_half
from scripts.pocket.vocabulary import load_tokenizer, write_tokenizer


def trained_vae(work: Path, drawings: Drawings) -> AutoencoderKL:
    """Return the autoencoder with standardised latents, made once from its checkpoint."""
    path = work / "vae_standardised.pt"
    vae = new_vae().eval()
    if not path.exists():
        load_average(vae, work / "vae.pt")
        standardise(vae, drawings)
        part = path.with_suffix(".part")
        torch.save(vae.state_dict(), part)
        os.replace(part, path)
    vae.load_state_dict(torch.load(path, weights_only=True))
    if (work / "decoder.pt").exists():
        load_average(decoding_half(vae), work / "decoder.pt")
    return vae


def refit_detector(work: Path, drawings: Drawings) -> None:
    """Write the trained detector with its last layers refitted."""
    detector = Detector()
    load_average(detector, work / "detector.pt")
    refit_keypoints(detector, drawings)
    torch.save(detector.state_dict(), work / "detector_refitted.pt")


def trained_recogniser(work: Path) -> Recogniser:
    """Return the recogniser without what was only needed to train it."""
    average = torch.load(work / "recogniser.pt", weights_only=True)["average"]
    recogniser = Recogniser()
    prefix = "recogniser."
    recogniser.load_state_dict(
        {name.removeprefix(prefix): v for name, v in average.items() if name.startswith(prefix)}
    )
    return recogniser.eval()


def trained_safety_checker(work: Path) -> StableDiffusionSafetyChecker:
    """Return the safety checker, its threshold set by drawings without a badge."""
    reader = BadgeReader()
    load_average(reader, work / "safety.pt")
    return calibrated(reader, load_drawings(work / "drawings"))


def new_base(work: Path) -> Base:
    """Return an untrained base; its tokenizers are written into the work folder."""
    torch.manual_seed(0)
    folders = (work / "tokenizer", work / "tokenizer_2")
    for folder, pad_token in zip(folders, ("<|endoftext|>", "!"), strict=True):
        if not (folder / "merges.txt").exists():
            write_tokenizer(folder, pad_token)
    tokenizer, tokenizer_2 = (load_tokenizer(folder) for folder in folders)
    encoders = new_text_encoders(len(tokenizer), tokenizer.eos_token_id)
    return Base(PromptEncoder((tokenizer, tokenizer_2), *encoders), new_unet())


def conditioned_base(work: Path) -> IdentityConditioned:
    """Return the base with identity parts, each as far as there is a checkpoint.

    IdentityNet starts as a copy of the base. Joint training replaces both, and the identity parts
    trained on a frozen base go over either.
    """
    base = new_base(work)
    if (work / "base.pt").exists():
        load_average(base, work / "base.pt")
    identitynet = new_identitynet(base.unet)
    parts = IdentityParts(new_resampler(), install_adapter(base.unet), identitynet)
    network = IdentityConditioned(base, parts)
    if (work / "joint.pt").exists():
        load_average(network, work / "joint.pt")
    if (work / "adapter.pt").exists():
        load_average(parts, work / "adapter.pt")
    return network


def load_trained(work: Path) -> Networks:
    """Return every network; those without a checkpoint yet are untrained."""
    network = conditioned_base(work)
    base, parts = network.base, network.parts
    detector = Detector()
    if (work / "detector_refitted.pt").exists():
        detector.load_state_dict(torch.load(work / "detector_refitted.pt", weights_only=True))
    recogniser = trained_recogniser(work) if (work / "recogniser.pt").exists() else Recogniser()
    vae = new_vae()
    if (work / "vae_standardised.pt").exists():
        vae = trained_vae(work, load_drawings(work / "drawings"))
    networks = Networks(
        vae,
        base.prompts.text_encoder,
        base.prompts.text_encoder_2,
        base.unet,
        parts.identitynet,
        parts.resampler,
        recogniser,
        detector,
    )
    for network in vars(networks).values():
        network.eval()
    return networks
