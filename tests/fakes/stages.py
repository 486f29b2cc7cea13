"""Stages that answer by arithmetic and remember what they were asked."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tiny_networks import CROSS_ATTENTION_DIM, LATENT_CHANNELS, POOLED_DIM

from instantid_server.contract import MODELS, OutputFormat
from instantid_server.errors import StageFailed
from instantid_server.trust.encoding import encode_labelled

Array = NDArray[Any]
Arrays = Mapping[str, Array]

CHECKER = b"red sha256:00000000"
NUMPY_TYPES = {"FP32": np.float32, "FP16": np.float16, "INT32": np.int32, "UINT8": np.uint8}


class FakeStages:
    """Every stage that a public model calls. What decides a row of noise is added up in it."""

    def __init__(self, faces: Sequence[Sequence[float]] = ((40, 30, 90, 80),)) -> None:
        self.calls: list[tuple[str, dict[str, Array]]] = []
        self.faces = {b"": np.array(faces, np.float32).reshape(-1, 4)}  # boxes by photo; b"": any
        self.broken: set[str] = set()
        self.flags_pictures = False
        self.after_call: Callable[[], None] = lambda: None

    @property
    def names(self) -> list[str]:
        """Return the models called, in order."""
        return [name for name, _ in self.calls]

    def inputs_of(self, model: str) -> list[dict[str, Array]]:
        """Return what `model` was given, call by call."""
        return [inputs for name, inputs in self.calls if name == model]

    def __call__(self, model: str, inputs: Arrays, outputs: Sequence[str]) -> dict[str, Array]:
        assert set(inputs) == {spec.name for spec in MODELS[model].inputs}
        self.calls.append((model, {name: array.copy() for name, array in inputs.items()}))
        if model in self.broken:
            raise StageFailed(f"the stage {model} failed")
        answer: dict[str, Array] = getattr(self, f"_{model}")(inputs)
        self.after_call()
        return {name: answer[name] for name in outputs}

    def _face_analysis(self, inputs: Arrays) -> dict[str, Array]:
        boxes = self.faces.get(inputs["encoded_image"][0, 0], self.faces[b""])
        left, top, right, bottom = (side[:, None] for side in boxes.T)
        points = np.stack([(left + right) / 2, (top + bottom) / 2], axis=-1).repeat(5, axis=1)
        embeddings = np.stack([np.full(512, 1 + index) for index in range(len(boxes))] or [[]])
        return {
            "face_bboxes": boxes[None],
            "face_scores": np.ones((1, len(boxes)), np.float32),
            "face_keypoints": points[None].astype(np.float32),
            "face_embeddings": embeddings[None].astype(np.float32),
            "image_size": np.array([[100, 200]], np.int32),
        }

    def _text_encoder(self, inputs: Arrays) -> dict[str, Array]:
        lengths = np.array([[len(prompt)] for prompt in inputs["prompt"][:, 0]], np.float32)
        embeds = np.tile(lengths[:, :, None] / 10, (1, 77, CROSS_ATTENTION_DIM))
        return {"prompt_embeds": embeds, "pooled_prompt_embeds": np.tile(lengths, POOLED_DIM)}

    def _id_resampler(self, inputs: Arrays) -> dict[str, Array]:
        mean = inputs["face_embedding"].mean(axis=1)[:, None, None]
        return {"identity_tokens": np.tile(mean, (1, 16, CROSS_ATTENTION_DIM))}

    def _denoise_step(self, inputs: Arrays) -> dict[str, Array]:
        noise = _noise(inputs) + _wide(inputs["controlnet_conditioning_scale"])
        return {
            "noise_pred": noise.astype(inputs["latents"].dtype),
            "unet_batch_requests": np.full((len(noise), 1), 3, np.int32),
            "identitynet_batch_requests": np.full((len(noise), 1), 2, np.int32),
        }

    def _unet(self, inputs: Arrays) -> dict[str, Array]:
        assert inputs["residuals"].shape[1] == 0
        scale = inputs["controlnet_conditioning_scale"]
        noise = _noise(inputs) + _wide(scale)
        return {
            "noise_pred": noise.astype(inputs["latents"].dtype),
            "batch_requests": np.full((len(noise), 1), 4, np.int32),
            "identitynet_batch_requests": np.full((len(noise), 1), 4 * scale.any(), np.int32),
        }

    def _vae_decoder(self, inputs: Arrays) -> dict[str, Array]:
        (latents,) = inputs["latents"].astype(np.float32)
        assert latents.shape[0] == LATENT_CHANNELS
        grey = ((latents - latents.mean()).mean(axis=0) * 8 + 128).clip(0, 255).astype(np.uint8)
        pixels = np.kron(grey, np.ones((8, 8), np.uint8))
        return {"image": np.stack([pixels] * 3, axis=-1)[None]}

    def _safety(self, inputs: Arrays) -> dict[str, Array]:
        return {
            "flagged": np.array([[int(self.flags_pictures)]], np.int32),
            "checker": np.array([[CHECKER]], dtype=np.object_),
        }

    def _credentials(self, inputs: Arrays) -> dict[str, Array]:
        (image,) = inputs["image"]
        output_format = OutputFormat(inputs["output_format"][0, 0].decode())
        encoded = encode_labelled(image, output_format, int(inputs["output_quality"][0, 0]))
        return {
            "encoded_image": np.array([[encoded]], dtype=np.object_),
            "perceptual_hash": np.array([[b"0f" * 32]], dtype=np.object_),
        }


def types_of(inputs: Arrays) -> dict[str, type]:
    """Return the element type of every input."""
    return {name: array.dtype.type for name, array in inputs.items()}


def contract_types(model: str, wire: str) -> dict[str, type]:
    """Return the element type that every input of `model` has when floats travel as `wire`."""
    return {
        spec.name: np.object_
        if spec.dtype == "BYTES"
        else NUMPY_TYPES[wire if spec.on_wire else spec.dtype]
        for spec in MODELS[model].inputs
    }


def _noise(inputs: Arrays) -> Array:
    noise: Array = (
        0.1 * inputs["latents"].astype(np.float32)
        + _wide(inputs["prompt_embeds"])
        + _wide(inputs["identity_tokens"])
        + _wide(inputs["ip_adapter_scale"])
        + _wide(inputs["timestep"]) / 1000
    )
    return noise


def _wide(values: Array) -> Array:
    """Return the mean of each row, to be added to latents."""
    means: Array = values.astype(np.float32).reshape(len(values), -1).mean(axis=1)
    return means[:, None, None, None]
