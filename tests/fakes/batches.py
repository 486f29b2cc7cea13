"""Batches for a node under test: requests in, arrays or the texts of errors out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import red_squares
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray
from tiny_networks import CROSS_ATTENTION_DIM, LATENT_CHANNELS, POOLED_DIM, SIDE_PX

from instantid_server.contract import STAGE_KEY_PARAMETER

Arrays = Mapping[str, NDArray[Any]]

STAGE_KEY = "k" * 43  # as long as a real one
LETS_IN = {STAGE_KEY_PARAMETER: STAGE_KEY}  # the parameters of a call from another model
LATENT_SIDE = SIDE_PX // 8
POINTS = np.array([[[20, 24], [44, 24], [32, 36], [24, 48], [40, 48]]], np.float32)

# What Triton or Python may say; none of it may ever be passed on.
TRITON_TEXT = (
    "Failed to open shared memory region 'triton_python_backend_shm_region_7': "
    'Traceback (most recent call last): File "/opt/models/unet/1/model.py", line 3'
)
SECRETS = ("shm", "Traceback", "/opt", ".py", "0.1234567")


class Unforeseen(Exception):
    """An exception that no node expects, with a text full of what must stay inside."""

    def __init__(self) -> None:
        super().__init__(f"{TRITON_TEXT}: embedding [0.1234567, ...]")


def answers(node: Any, batch: list[Arrays]) -> list[Any]:
    """Return one answer a request: arrays by name, or the text of its error."""
    responses = node.execute([request_of(inputs, parameters=LETS_IN) for inputs in batch])
    return [answer_of(response) for response in responses]


def answer_of(response: pb_utils.InferenceResponse) -> Any:
    """Return the arrays of a response by name, or the text of its error."""
    if response.has_error():
        return response.error().message()
    return arrays_of(response.output_tensors())


def request_of(
    inputs: Arrays, request_id: str = "", parameters: Mapping[str, str | int | bool] | None = None
) -> pb_utils.InferenceRequest:
    """Return a request with copies of `inputs`, in memory that torch may look at."""
    copies = {name: np.array(array) for name, array in inputs.items()}
    return pb_utils.request_of(copies, request_id, parameters)


def arrays_of(tensors: list[pb_utils.Tensor]) -> dict[str, NDArray[Any]]:
    """Return `tensors` by name."""
    return {tensor.name(): tensor.as_numpy() for tensor in tensors}


def log_text() -> str:
    """Return everything that was logged."""
    return "\n".join(text for _, text in pb_utils.Logger.lines)


def leaks(text: str) -> list[str]:
    """Return what of `TRITON_TEXT` is in `text`."""
    return [secret for secret in SECRETS if secret in text]


def stage_inputs(name: str, seed: int, rows: int = 1) -> dict[str, NDArray[Any]]:
    """Return a good request for the stage `name`, other values for every seed."""
    random = np.random.default_rng(seed)

    def normal(*dims: int) -> NDArray[np.float32]:
        return random.standard_normal((rows, *dims)).astype(np.float32)

    steps = {
        "latents": normal(LATENT_CHANNELS, LATENT_SIDE, LATENT_SIDE),
        "timestep": np.full((rows, 1), 100 + seed, np.float32),
        "identity_tokens": normal(16, CROSS_ATTENTION_DIM),
        "pooled_prompt_embeds": normal(POOLED_DIM),
        "time_ids": np.tile(np.array([64, 64, 0, 0, 64, 64], np.float32), (rows, 1)),
    }
    points = np.stack([POINTS + seed] * rows)
    pictures = random.integers(0, 256, (rows, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    if name == "unet":
        scale = np.full((rows, 1), 0.5, np.float32)
        nothing = np.empty((rows, 0), np.float32)
        text = normal(77, CROSS_ATTENTION_DIM)
        return {
            **steps,
            "prompt_embeds": text,
            "ip_adapter_scale": scale,
            "residuals": nothing,
            "face_keypoints": points,
            "controlnet_conditioning_scale": np.zeros((rows, 1), np.float32),
        }
    if name == "identitynet":
        scale = np.full((rows, 1), 0.8, np.float32)
        return {**steps, "face_keypoints": points, "controlnet_conditioning_scale": scale}
    return {
        "text_encoder": {"prompt": texts([f"a person number {seed}"] * rows)},
        "id_resampler": {"face_embedding": normal(512)},
        "vae_decoder": {"latents": steps["latents"]},
        "vae_encoder": {"image": pictures},
        "safety": {"image": pictures},
        "credentials": {
            "image": pictures,
            "record_id": texts([f"{seed:032x}"] * rows),
            "output_format": texts(["png"] * rows),
            "output_quality": np.full((rows, 1), 90, np.int32),
            "checker": texts(["none"] * rows),
            "consent_level": texts(["verified"] * rows),
        },
        "face_analysis": {"encoded_image": texts([red_squares.png([(8 * seed, 16, 40)])] * rows)},
    }[name]


def texts(values: list[str] | list[bytes]) -> NDArray[np.object_]:
    """Return a BYTES tensor (rows, 1)."""
    encoded = [[value.encode() if isinstance(value, str) else value] for value in values]
    return np.array(encoded, dtype=np.object_)
