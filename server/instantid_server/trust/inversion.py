"""The inversion: from the latents of a picture back towards the noise that it was made from.

DDIM's steps are taken from clean to noisy. At each of them the network is asked with no prompt,
nobody's face, no guidance and no IdentityNet, for who checks a picture has nothing else. What comes
out is therefore far from the true noise, yet nearer to it than chance.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from diffusers.schedulers import DDIMInverseScheduler
from torch import Tensor

# Few and large steps find the noise of the pocket weights best: `make provenance` has the table.
NUM_INVERSION_STEPS = 10


class Prediction(Protocol):
    """A denoising network without conditions; it predicts what its schedule says that it does."""

    def __call__(self, latents: Tensor, timestep: float) -> Tensor:
        """Return the prediction for latents (rows, channels, height, width)."""
        ...


def invert(
    predict: Prediction,
    latents: Tensor,
    scheduler_config: Mapping[str, Any],
    num_steps: int = NUM_INVERSION_STEPS,
) -> Tensor:
    """Return where the clean `latents` came from, by the schedule that their weights have."""
    # The way back ends at the loop's first timestep; clipping is for pictures, not for latents.
    scheduler = DDIMInverseScheduler.from_config(scheduler_config, clip_sample=False)
    scheduler.set_timesteps(num_steps)
    for timestep in scheduler.timesteps:
        prediction = predict(latents, float(timestep))
        latents = scheduler.step(prediction, timestep, latents).prev_sample
    return latents
