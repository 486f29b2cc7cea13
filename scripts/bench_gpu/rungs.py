"""The rungs of the ladder: each makes one change and keeps those below it."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from instantid_server.stages.attention import IdentityAttnProcessor
from scripts.bench_gpu.attention import FusedSelfAttention, RememberingCrossAttention
from scripts.bench_gpu.networks import cast
from scripts.bench_gpu.sampler import Sampler, Step

_SHAPES = 32  # more than there are sizes and batches; the same code is compiled for each of them


@dataclass(frozen=True)
class Rung:
    """One change, and how many pictures are drawn at once after it."""

    name: str
    change: Callable[[Sampler], None]
    pictures: int = 1


def leave(sampler: Sampler) -> None:
    """Change nothing: diffusers' networks as they are, with our cross-attention."""


def use_channels_last(sampler: Sampler) -> None:
    """Store pictures as convolutions on tensor cores want them."""
    networks = sampler.networks
    for network in (networks.unet, networks.identitynet, networks.vae):
        network.to(memory_format=torch.channels_last)


def fuse_projections(sampler: Sampler) -> None:
    """Make one matrix product of the three projections of each self-attention."""
    for network in (sampler.networks.unet, sampler.networks.identitynet):
        processors = dict(network.attn_processors)
        for name in processors:
            attention = network.get_submodule(name.removesuffix(".processor"))
            if not attention.is_cross_attention:
                processors[name] = FusedSelfAttention(attention)
        network.set_attn_processor(processors)


def remember_invariants(sampler: Sampler) -> None:
    """Compute once a picture what no step changes: map embedding, keys and values."""
    for network in (sampler.networks.unet, sampler.networks.identitynet):
        processors = dict(network.attn_processors)
        for name, processor in processors.items():
            attention = network.get_submodule(name.removesuffix(".processor"))
            if attention.is_cross_attention:
                projections = [(attention.to_k, attention.to_v)]
                if isinstance(processor, IdentityAttnProcessor):
                    projections.append((processor.to_k_ip, processor.to_v_ip))
                processors[name] = RememberingCrossAttention(attention, projections)
        network.set_attn_processor(processors)
    sampler.networks.take_map_embedding()
    sampler.remembers = True


def compile_step(sampler: Sampler) -> None:
    """Compile a step of both networks and, on a GPU, replay it as a graph."""
    torch._dynamo.config.recompile_limit = _SHAPES
    if sampler.networks.unet.device.type == "cuda":
        sampler.compiled = _compile_with_graphs
    else:
        sampler.compiled = _trace  # generated C++ would take minutes and tell nothing of a GPU


def use_bfloat16_vae(sampler: Sampler) -> None:
    """Decode in bfloat16, which has float32's range."""
    cast(sampler.networks.vae, torch.bfloat16)


LADDER = (
    Rung("eager", leave),
    Rung("channels_last", use_channels_last),
    Rung("fused_qkv", fuse_projections),
    Rung("cached", remember_invariants),
    Rung("compiled", compile_step),
    Rung("vae_bf16", use_bfloat16_vae),
    Rung("batch_2", leave, pictures=2),
    Rung("batch_4", leave, pictures=4),
    Rung("batch_8", leave, pictures=8),
)


def _compile_with_graphs(step: Step) -> Step:
    compiled: Step = torch.compile(step, mode="reduce-overhead", fullgraph=True, dynamic=False)
    return compiled


def _trace(step: Step) -> Step:
    traced: Step = torch.compile(step, backend="eager", fullgraph=True, dynamic=False)
    return traced
