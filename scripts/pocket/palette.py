"""The palette: the linear map from latents to colours that the server's previews are made with."""

import numpy as np
import torch
from diffusers import AutoencoderKL

from scripts.pocket.drawings import drawing_of

_PERSONS = 64  # 16,384 latent cells for a map of about forty numbers


@torch.no_grad()
def fit_palette(vae: AutoencoderKL) -> dict[str, list[list[float]] | list[float]]:
    """Return `latent_rgb_weight` [channels][3] and `latent_rgb_bias` [3], colours in [0, 1].

    Least squares of what the VAE makes of drawings against the mean colour of each of its cells.
    """
    pictures = np.stack([drawing_of(person, 0).picture for person in range(_PERSONS)])
    pixels = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    encoded = vae.encode((pixels * 2 - 1).to(vae.device)).latent_dist.mode().cpu()
    latents = (encoded * vae.config.scaling_factor).permute(0, 2, 3, 1).flatten(0, 2)
    colours = torch.nn.functional.avg_pool2d(pixels, factor).permute(0, 2, 3, 1).flatten(0, 2)
    inputs = torch.cat([latents, torch.ones(len(latents), 1)], dim=1).double()
    solution = torch.linalg.lstsq(inputs, colours.double()).solution
    rounded = [[round(value, 4) for value in row] for row in solution.tolist()]
    return {"latent_rgb_weight": rounded[:-1], "latent_rgb_bias": rounded[-1]}
