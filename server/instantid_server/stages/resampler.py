"""The resampler: one face embedding becomes sixteen tokens that attention can read."""

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.dlpack import from_dlpack

from instantid_server.contract import EMBEDDING_SIZE, ID_RESAMPLER
from instantid_server.node import NodeContext
from instantid_server.stages.compute import Compute
from instantid_server.stages.rows import TorchOutcome, TorchTensors, check_shape, run_by_shape
from instantid_server.stages.warmup import warm_up, zeros

HEAD_SIZE = 64  # of InstantID's resampler; its number of heads follows from the widths

# InstantID's names of the parts of a layer -> diffusers' (`to_kv` is split into two).
_LAYER_PARTS = {
    "0.norm1": "ln0",
    "0.norm2": "ln1",
    "0.to_q": "attn.to_q",
    "0.to_out": "attn.to_out.0",
    "1.0": "ff.0",
    "1.1": "ff.1.net.0.proj",
    "1.3": "ff.1.net.2",
}


class Resampler:
    """InstantID's perceiver resampler, as diffusers' class."""

    from_dlpack = staticmethod(from_dlpack)

    def __init__(self, network: IPAdapterPlusImageProjection, compute: Compute) -> None:
        self._network = network
        self._compute = compute

    @classmethod
    def load(cls, context: NodeContext) -> "Resampler":
        """Load `image_proj.safetensors` from the node's folder."""
        compute = Compute.from_context(context)
        network = build_resampler(load_file(context.directory / "image_proj.safetensors"))
        stage = cls(compute.ready(network.to(compute.device, compute.dtype)), compute)
        warm_up(stage.run, partial(zeros, ID_RESAMPLER, {}), context.max_batch_size)
        return stage

    def run(self, requests: Sequence[TorchTensors]) -> list[TorchOutcome]:
        """Answer with `identity_tokens`; the embedding goes in raw, as the recogniser gave it."""
        return run_by_shape(requests, self._check, self._forward, self._compute.device)

    def _check(self, request: TorchTensors) -> None:
        check_shape(request, "face_embedding", (EMBEDDING_SIZE,))

    @torch.inference_mode()
    def _forward(self, rows: dict[str, Tensor], _: int) -> Mapping[str, Tensor]:
        embeddings = self._compute.take(rows)["face_embedding"]
        tokens = self._network(embeddings[:, None, :])  # one face: a sequence of one
        return {"identity_tokens": self._compute.give(tokens)}


def build_resampler(image_proj: Mapping[str, Tensor]) -> IPAdapterPlusImageProjection:
    """Return the network for InstantID's 51 `image_proj` tensors, sizes read from them.

    Raises RuntimeError, as torch does, when a key is missing, unexpected or of another shape.
    """
    _, num_queries, width = image_proj["latents"].shape
    depth = 1 + max(int(key.split(".")[1]) for key in image_proj if key.startswith("layers."))
    network = IPAdapterPlusImageProjection(
        embed_dims=image_proj["proj_in.weight"].shape[1],
        output_dims=image_proj["proj_out.weight"].shape[0],
        hidden_dims=width,
        depth=depth,
        dim_head=HEAD_SIZE,
        heads=image_proj["layers.0.0.to_q.weight"].shape[0] // HEAD_SIZE,
        num_queries=num_queries,
        ffn_ratio=image_proj["layers.0.1.1.weight"].shape[0] / width,
    )
    network.load_state_dict(to_diffusers(image_proj))
    return network


def to_diffusers(image_proj: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return InstantID's resampler tensors under diffusers' names."""
    renamed: dict[str, Tensor] = {}
    for key, tensor in image_proj.items():
        if not key.startswith("layers."):
            renamed[key] = tensor
            continue
        _, layer, part = key.split(".", maxsplit=2)
        part, kind = part.rsplit(".", maxsplit=1)  # "0.to_q", "weight"
        if part == "0.to_kv":
            to_k, to_v = tensor.chunk(2)
            renamed[f"layers.{layer}.attn.to_k.{kind}"] = to_k
            renamed[f"layers.{layer}.attn.to_v.{kind}"] = to_v
        else:
            renamed[f"layers.{layer}.{_LAYER_PARTS.get(part, part)}.{kind}"] = tensor
    return renamed


def from_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return diffusers' resampler tensors under InstantID's names: `to_diffusers` reversed."""
    parts = {theirs: ours for ours, theirs in _LAYER_PARTS.items()}
    renamed: dict[str, Tensor] = {}
    for key, tensor in state.items():
        if not key.startswith("layers."):
            renamed[key] = tensor
            continue
        _, layer, part = key.split(".", maxsplit=2)
        part, kind = part.rsplit(".", maxsplit=1)
        if part == "attn.to_k":
            to_v = state[f"layers.{layer}.attn.to_v.{kind}"]
            renamed[f"layers.{layer}.0.to_kv.{kind}"] = torch.cat([tensor, to_v])
        elif part != "attn.to_v":
            renamed[f"layers.{layer}.{parts[part]}.{kind}"] = tensor
    return renamed
