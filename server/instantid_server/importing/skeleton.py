"""The skeleton of a network: built from its config on the meta device, with shapes alone."""

from typing import Any

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from huggingface_hub.errors import StrictDataclassError
from torch import nn
from transformers import CLIPConfig, CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from instantid_server.importing.checks import check_config, check_tensors
from instantid_server.importing.failure import ImportFailed
from instantid_server.importing.network import Network
from instantid_server.importing.tensors import shapes_of
from instantid_server.stages.compute import without_weights

# What diffusers and transformers raise for configs that make no network.
_BAD_CONFIG = (
    AttributeError,
    KeyError,
    IndexError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    StrictDataclassError,
)


def diffusers_skeleton(kind: type[Any], network: Network) -> nn.Module:
    """Return the skeleton of one of diffusers' classes."""
    check_config(network.title, network.config, {"_class_name": kind.__name__})
    try:
        with without_weights():
            skeleton: nn.Module = kind.from_config(dict(network.config))
    except _BAD_CONFIG as error:
        raise _not_buildable(kind, network) from error
    return skeleton


def text_config(network: Network) -> Any:
    """Return a text encoder's config, with transformers' defaults put in."""
    try:
        return CLIPTextConfig.from_dict(dict(network.config))
    except _BAD_CONFIG as error:
        raise _not_buildable(CLIPTextModel, network) from error


def text_skeleton(
    kind: type[CLIPTextModel] | type[CLIPTextModelWithProjection], network: Network
) -> nn.Module:
    """Return the skeleton of a text encoder."""
    config = text_config(network)
    try:
        with without_weights():
            skeleton: nn.Module = kind(config)
    except _BAD_CONFIG as error:
        raise _not_buildable(kind, network) from error
    return skeleton


def safety_skeleton(network: Network) -> nn.Module:
    """Return the skeleton of the safety checker."""
    try:
        with without_weights():
            skeleton: nn.Module = StableDiffusionSafetyChecker(CLIPConfig.from_dict(network.config))
    except _BAD_CONFIG as error:
        raise _not_buildable(StableDiffusionSafetyChecker, network) from error
    return skeleton


def network_shapes(skeleton: nn.Module) -> dict[str, torch.Size]:
    """Return the names and shapes of the tensors that a network wants."""
    return shapes_of(skeleton.state_dict())


def check_network(network: Network, skeleton: nn.Module) -> dict[str, torch.Size]:
    """Return the shapes of `network`; refuse it if they are not those of its own config."""
    expected = network_shapes(skeleton)
    check_tensors(network.title, shapes_of(network.read()), expected)
    return expected


def _not_buildable(kind: type[Any], network: Network) -> ImportFailed:
    return ImportFailed(
        f"{network.title}: no {kind.__name__} can be built from its config; take it from its author"
    )
