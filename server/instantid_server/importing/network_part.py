"""The networks' part of an import: everything that torch computes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from instantid_server.importing import sources
from instantid_server.importing.base import read_base
from instantid_server.importing.identitynet import find_identitynet, plan_identitynet
from instantid_server.importing.ip_adapter import find_ip_adapter, plan_ip_adapter
from instantid_server.importing.loras import COMPONENTS, Lora, find_lora, read_lora
from instantid_server.importing.network import DIFFUSERS_WEIGHTS, NetworkFolder
from instantid_server.importing.options import ImportOptions, LoraOption
from instantid_server.importing.part import Part, Tell, describe_files
from instantid_server.importing.pipeline import plan_pipeline
from instantid_server.importing.planned import PlannedFile
from instantid_server.importing.record import Role, SourceFile
from instantid_server.importing.sdxl import SdxlCheckpoint
from instantid_server.importing.skeleton import text_config
from instantid_server.importing.sources import locate, locate_base
from instantid_server.importing.tensors import DTYPES
from instantid_server.importing.text_encoders import (
    plan_text_encoder,
    plan_tokenizer,
    tokenizer_files,
)
from instantid_server.importing.unet import plan_unet, unet_skeleton
from instantid_server.importing.vae import plan_vae
from instantid_server.stages.pose import KeypointMapSize


def plan_networks(options: ImportOptions, tell: Tell) -> Part:
    """Find and check the networks."""
    tell(f"reading {options.base}")
    checkpoint, recorded = _find_checkpoint(options)
    unet = unet_skeleton(checkpoint)
    loras, lora_files = _find_loras(options.loras, unet.config)
    dtype = DTYPES[options.dtype]
    files: list[PlannedFile] = [*plan_unet(checkpoint.unet, unet, loras, dtype)]
    for index, encoder in enumerate(checkpoint.text_encoders):
        files += plan_text_encoder(encoder, index, loras, dtype)
        vocabulary_size = text_config(encoder).vocab_size
        files += plan_tokenizer(checkpoint.tokenizers[index], index, vocabulary_size)
    files += plan_vae(checkpoint.vae, dtype)
    tell("fitting the colours of previews to the VAE")
    files += plan_pipeline(checkpoint)

    tell(f"reading {options.identitynet}")
    source = locate(options.identitynet, sources.IDENTITYNET_PATTERNS)
    folder = find_identitynet(source.path)
    files += plan_identitynet(folder.network(), unet.config, KeypointMapSize(), dtype)
    recorded += describe_files(Role.IDENTITYNET, source, folder.files)

    tell(f"reading {options.ip_adapter}")
    source = locate(options.ip_adapter, sources.IP_ADAPTER_PATTERNS)
    adapter = find_ip_adapter(source.path)
    files += plan_ip_adapter(adapter, unet, dtype)  # last: it changes the skeleton
    recorded += describe_files(Role.IP_ADAPTER, source, [adapter])
    notes = [*checkpoint.notes, *(_note(lora) for lora in loras)]
    return Part(files, [*recorded, *lora_files], notes)


def _find_checkpoint(options: ImportOptions) -> tuple[SdxlCheckpoint, list[SourceFile]]:
    base = locate_base(options.base, in_full_precision=options.dtype == "float32")
    tokenizers = (
        base
        if options.tokenizers is None
        else locate(options.tokenizers, sources.TOKENIZER_PATTERNS)
    )
    checkpoint = read_base(base.path, None if tokenizers is base else tokenizers.path)
    recorded = describe_files(Role.BASE, base, checkpoint.files)
    token_files = [path for folder in checkpoint.tokenizers for path in tokenizer_files(folder)]
    recorded += describe_files(Role.TOKENIZERS, tokenizers, token_files)
    if options.vae is None:
        return checkpoint, recorded
    source = locate(options.vae, sources.VAE_PATTERNS)
    vae = NetworkFolder.find(source.path, DIFFUSERS_WEIGHTS)
    recorded += describe_files(Role.VAE, source, vae.files)
    return replace(checkpoint, vae=vae.network()), recorded


def _find_loras(
    options: Sequence[LoraOption], unet_config: Any
) -> tuple[list[Lora], list[SourceFile]]:
    loras: list[Lora] = []
    recorded: list[SourceFile] = []
    for option in options:
        source = locate(option.source, sources.LORA_PATTERNS)
        path = find_lora(source.path)
        loras.append(read_lora(path, option.scale, unet_config))
        recorded += describe_files(Role.LORA, source, [path])
    return loras, recorded


def _note(lora: Lora) -> str:
    touched = ", ".join(name for name in COMPONENTS if lora.factors[name])
    return (
        f"{lora.path.name} is fused into {touched} with the scale {lora.scale:g}: every picture is "
        "drawn with it"
    )
