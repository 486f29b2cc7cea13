"""The pocket autoencoder as it is served: its two halves belong together."""

import numpy as np
import torch
from PIL import Image

from scripts.pocket.served import served_networks
from scripts.psnr import psnr_db
from scripts.reports import ROOT

GOOD_DB = 20.0  # drawings have 24 to 25; latents of another scale 15


@torch.inference_mode()
def test_drawing_survives_the_way_to_latents_and_back() -> None:
    networks, _ = served_networks(ROOT / "model_repository")
    vae = networks.vae
    picture = np.array(Image.open(ROOT / "tests" / "data" / "portrait_1.png").convert("RGB"))
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    latents = vae.encode(pixels).latent_dist.mode() * vae.config.scaling_factor
    assert 0.5 < float(latents.std()) < 2.0  # what the schedule takes latents for
    decoded = vae.decode(latents / vae.config.scaling_factor).sample
    seen = ((decoded[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    assert psnr_db(seen, picture) >= GOOD_DB
