"""The base network of a model repository without InstantID's part, and that part put on another."""

from diffusers import UNet2DConditionModel

from instantid_server.stages.attention import load_adapter
from scripts.pocket.export import adapter_keys
from scripts.pocket.networks import new_unet


def without_adapter(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Return a copy of a denoiser with plain attention to the prompt alone."""
    plain = new_unet()
    plain.load_state_dict(
        {name: value for name, value in unet.state_dict().items() if ".processor." not in name}
    )
    return plain


def with_adapter_of(base: UNet2DConditionModel, owner: UNet2DConditionModel) -> None:
    """Put the adapter that another denoiser carries on a base that never saw it."""
    load_adapter(base, adapter_keys(owner))
