"""The palette: the linear map from latents to colours that the server's previews are made with."""

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from instantid_server.importing.failure import ImportFailed

_FIELDS = 6
_COARSEST = 2  # colours along a side of the first field; each next one has twice as many
_SIDE_CELLS = 32  # latents along a side of a field: 6,144 equations for a few numbers


def colour_fields(factor: int) -> Tensor:
    """Return pictures of random colours that flow into each other, (fields, 3, side, side), 0..1.

    No picture comes with a checkpoint. Latents drawn at random would be of no picture, and a
    decoder makes of them what it never makes of a portrait; what an encoder makes of smooth colours
    is what previews are made of, and it takes half the work.
    """
    generator = torch.Generator().manual_seed(0)  # the same import gives the same palette
    side = _SIDE_CELLS * factor
    return torch.cat(
        [
            interpolate(
                torch.rand(1, 3, _COARSEST << field, _COARSEST << field, generator=generator),
                size=(side, side),
                mode="bilinear",
                align_corners=True,
            )
            for field in range(_FIELDS)
        ]
    )


@torch.inference_mode()
def fit_palette(vae: AutoencoderKL, pictures: Tensor) -> dict[str, object]:
    """Return `latent_rgb_weight` [channels][3] and `latent_rgb_bias` [3], colours in [0, 1].

    Least squares of what the VAE makes of `pictures`, (n, 3, height, width) in [0, 1], against the
    mean colour of each of its cells.
    """
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    scaled = (pictures * 2 - 1).to(vae.device)
    modes = [vae.encode(picture).latent_dist.mode() for picture in scaled.split(1)]
    latents = (torch.cat(modes).cpu() * vae.config.scaling_factor).permute(0, 2, 3, 1).flatten(0, 2)
    if not latents.isfinite().all():
        raise ImportFailed("vae: it makes numbers that are not finite; the file is damaged")
    colours = avg_pool2d(pictures, factor).permute(0, 2, 3, 1).flatten(0, 2)
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], dim=1).double()
    solution = torch.linalg.lstsq(inputs, colours.double()).solution
    rounded = [[round(value, 4) for value in row] for row in solution.tolist()]
    return {"latent_rgb_weight": rounded[:-1], "latent_rgb_bias": rounded[-1]}
