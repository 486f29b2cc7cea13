"""InstantID in one process and one readable loop: what the server's pictures are compared with.

Written from the paper and the published pipeline on plain diffusers, transformers and insightface.
It shares no code with the server but the class that draws a picture's noise, so that a mistake in
one of the two shows.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import diffusers
import numpy as np
import onnxruntime
import torch
from diffusers import AutoencoderKL, ControlNetModel, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0, IPAdapterAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterPlusImageProjection
from insightface.app.common import Face
from insightface.model_zoo.arcface_onnx import ArcFaceONNX
from insightface.model_zoo.scrfd import SCRFD
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from instantid_server.contract import DEFAULT_GUIDANCE_SCALE
from instantid_server.noise import NoiseSource, picture_seed
from scripts.known_keys import NOISE_KEY


@dataclass(frozen=True)
class ReferenceOptions:
    """The options of a request that change the picture, with the server's defaults."""

    prompt: str
    negative_prompt: str = ""
    num_inference_steps: int = 30
    guidance_scale: float | None = None  # the one that the weights draw best at
    ip_adapter_scale: float = 0.8
    controlnet_conditioning_scale: float = 0.8
    control_guidance_start: float = 0.0
    control_guidance_end: float = 1.0
    scheduler: str = "EulerDiscreteScheduler"
    seed: int = 0
    num_images_per_prompt: int = 1


class ReferencePipeline:
    """Every network of a model repository, loaded into this process; all but ONNX in `dtype`."""

    def __init__(
        self,
        repository: Path,
        num_threads: int,
        dtype: torch.dtype = torch.float32,
        noise_key: bytes = NOISE_KEY,
    ) -> None:
        torch.set_num_threads(num_threads)
        self.dtype = dtype
        self.noise = NoiseSource(noise_key)
        self._folder = {path.name: path / "1" for path in repository.iterdir() if path.is_dir()}
        text = self._folder["text_encoder"]
        self.tokenizers = [
            CLIPTokenizer.from_pretrained(text / name) for name in ("tokenizer", "tokenizer_2")
        ]
        self.text_encoders = [
            CLIPTextModel.from_pretrained(text / "text_encoder", dtype=dtype).eval(),
            CLIPTextModelWithProjection.from_pretrained(
                text / "text_encoder_2", dtype=dtype
            ).eval(),
        ]
        self.unet = self._load(UNet2DConditionModel, "unet")
        self.identitynet = self._load(ControlNetModel, "identitynet")
        self.vae = self._load(AutoencoderKL, "vae_decoder", strict=False)  # half of its tensors
        if dtype == torch.float16 and self.vae.config.force_upcast:
            self.vae.float()  # SDXL's own overflows in half precision
        image_proj = load_file(self._folder["id_resampler"] / "image_proj.safetensors")
        self.resampler = _resampler(image_proj).to(dtype)
        _set_ip_adapter(self.unet, load_file(self._folder["unet"] / "ip_adapter.safetensors"))
        self.map_size = json.loads((self._folder["identitynet"] / "keypoint_map.json").read_text())
        schedule = self._folder["instantid"] / "scheduler_config.json"
        self.scheduler_config = json.loads(schedule.read_text())
        pipeline = json.loads((schedule.parent / "pipeline.json").read_text())
        self.guidance_scale = pipeline.get("guidance_scale", DEFAULT_GUIDANCE_SCALE)
        sessions = [
            onnxruntime.InferenceSession(self._folder[name] / "model.onnx", _session_options())
            for name in ("face_detector", "face_embedder")
        ]
        self.detector = SCRFD(session=sessions[0])
        self.recogniser = ArcFaceONNX(
            model_file=str(self._folder["face_embedder"] / "model.onnx"), session=sessions[1]
        )

    def _load(self, kind: Any, name: str, strict: bool = True) -> Any:
        network = kind.from_config(json.loads((self._folder[name] / "config.json").read_text()))
        tensors = load_file(self._folder[name] / "diffusion_pytorch_model.safetensors")
        network.load_state_dict(tensors, strict=strict)
        # diffusers' own `to` warns of modules to be kept in float32, even where there are none.
        return nn.Module.to(network, self.dtype).eval()

    def find_face(self, photo: Image.Image, detection_size: int) -> Face:
        """Return the only face of `photo` with its keypoints and raw embedding."""
        (face,) = self.find_faces(photo, detection_size)
        return face

    def find_faces(self, photo: Image.Image, detection_size: int) -> list[Face]:
        """Return every face of `photo`, the surest first."""
        bgr = np.array(photo.convert("RGB"))[:, :, ::-1].copy()
        boxes, keypoints = self.detector.detect(bgr, (detection_size, detection_size))
        faces = []
        for box, points in zip(boxes, keypoints, strict=True):
            face = Face(bbox=box[:4], kps=points, det_score=box[4])
            self.recogniser.get(bgr, face)
            faces.append(face)
        return faces

    @torch.inference_mode()
    def generate(
        self, options: ReferenceOptions, embedding: Any, keypoints: Any, height: int, width: int
    ) -> list[NDArray[np.uint8]]:
        """Return RGB pictures for an embedding (512,) and keypoints (5, 2) in result pixels."""
        count = options.num_images_per_prompt
        guidance_scale = (
            self.guidance_scale if options.guidance_scale is None else options.guidance_scale
        )
        guided = guidance_scale > 1
        prompts = [options.negative_prompt] * guided + [options.prompt]
        prompt_embeds, pooled = self._encode_prompts(prompts)
        faces = torch.from_numpy(np.array(embedding, np.float32)).view(1, 1, 512)
        if guided:
            faces = torch.cat([torch.zeros_like(faces), faces])
        identity_tokens = self.resampler(faces.to(self.dtype))
        keypoint_map = _draw_kps(keypoints, height, width, **self.map_size)
        control = torch.from_numpy(keypoint_map).permute(2, 0, 1)[None].to(self.dtype) / 255
        time_ids = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)
        added = {"text_embeds": pooled, "time_ids": time_ids.repeat(len(prompts), 1)}
        _set_adapter_scale(self.unet, options.ip_adapter_scale)
        shape = (self.vae.config.latent_channels, height // 8, width // 8)

        pictures = []
        for k in range(count):
            scheduler = getattr(diffusers, options.scheduler).from_config(self.scheduler_config)
            scheduler.set_timesteps(options.num_inference_steps)
            noise, generator = self.noise.draw(picture_seed(options.seed, k), shape)
            latents = noise[None] * scheduler.init_noise_sigma
            total = len(scheduler.timesteps)
            for i, t in enumerate(scheduler.timesteps):
                inputs = scheduler.scale_model_input(latents, t).repeat(len(prompts), 1, 1, 1)
                inputs = inputs.to(self.dtype)
                down, mid = None, None
                inside = not (
                    i / total < options.control_guidance_start
                    or (i + 1) / total > options.control_guidance_end
                )
                if inside:
                    down, mid = self.identitynet(
                        inputs,
                        t,
                        encoder_hidden_states=identity_tokens,
                        controlnet_cond=control.repeat(len(prompts), 1, 1, 1),
                        conditioning_scale=options.controlnet_conditioning_scale,
                        added_cond_kwargs=added,
                        return_dict=False,
                    )
                noise_pred = self.unet(
                    inputs,
                    t,
                    encoder_hidden_states=(prompt_embeds, [identity_tokens[:, None]]),
                    added_cond_kwargs=added,
                    down_block_additional_residuals=down,
                    mid_block_additional_residual=mid,
                ).sample.float()
                if guided:
                    negative, positive = noise_pred.chunk(2)
                    noise_pred = negative + guidance_scale * (positive - negative)
                draws = {"generator": generator} if _draws_noise(scheduler) else {}
                latents = scheduler.step(noise_pred, t, latents, **draws).prev_sample
            latents = (latents / self.vae.config.scaling_factor).to(self.vae.dtype)
            pixels = self.vae.decode(latents).sample[0].float()
            pixels = ((pixels / 2 + 0.5).clamp(0, 1) * 255).round().byte()
            pictures.append(pixels.permute(1, 2, 0).numpy())
        return pictures

    def _encode_prompts(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        hidden = []
        for tokenizer, encoder in zip(self.tokenizers, self.text_encoders, strict=True):
            ids = tokenizer(
                prompts, padding="max_length", max_length=77, truncation=True, return_tensors="pt"
            ).input_ids
            output = encoder(ids, output_hidden_states=True)
            hidden.append(output.hidden_states[-2])
        return torch.cat(hidden, dim=-1), output.text_embeds


def _session_options() -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return options


def _resampler(image_proj: dict[str, Tensor]) -> IPAdapterPlusImageProjection:
    """Build the resampler with diffusers' own converter."""
    unet = UNet2DConditionModel.__new__(UNet2DConditionModel)
    return unet._convert_ip_adapter_image_proj_to_diffusers(image_proj, low_cpu_mem_usage=False)


def _set_ip_adapter(unet: UNet2DConditionModel, ip_adapter: dict[str, Tensor]) -> None:
    """Install diffusers' own processors, in the order in which IP-Adapter counts them."""
    processors = {}
    for index, name in enumerate(unet.attn_processors):
        processors[name] = AttnProcessor2_0()
        if name.endswith("attn2.processor"):
            to_k = ip_adapter[f"{index}.to_k_ip.weight"].float()
            to_v = ip_adapter[f"{index}.to_v_ip.weight"].float()
            hidden_size, cross_attention_dim = to_k.shape
            processor = IPAdapterAttnProcessor2_0(hidden_size, cross_attention_dim, (16,))
            processor.load_state_dict({"to_k_ip.0.weight": to_k, "to_v_ip.0.weight": to_v})
            processors[name] = processor.to(unet.dtype)
    unet.set_attn_processor(processors)


def _set_adapter_scale(unet: UNet2DConditionModel, scale: float) -> None:
    for processor in unet.attn_processors.values():
        if isinstance(processor, IPAdapterAttnProcessor2_0):
            processor.scale = [scale]


def _draws_noise(scheduler: Any) -> bool:
    return "generator" in scheduler.step.__code__.co_varnames


def _draw_kps(
    points: Any, height: int, width: int, limb_width_px: int, dot_radius_px: int
) -> NDArray[np.uint8]:
    """Draw the five points as the published pipeline does: limbs, dimming, dots."""
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (255, 0, 255)]
    points = np.array(points)
    canvas = np.zeros([height, width, 3])
    for first, second in ((0, 2), (1, 2), (3, 2), (4, 2)):
        x, y = points[[first, second]].T
        length = ((x[0] - x[1]) ** 2 + (y[0] - y[1]) ** 2) ** 0.5
        angle = np.degrees(np.arctan2(y[0] - y[1], x[0] - x[1]))
        polygon = cv2.ellipse2Poly(
            (int(np.mean(x)), int(np.mean(y))),
            (int(length / 2), limb_width_px),
            int(angle),
            0,
            360,
            1,
        )
        cv2.fillConvexPoly(canvas, np.array(polygon), colours[first])
    dimmed = (canvas * 0.6).astype(np.uint8)
    for (x, y), colour in zip(points, colours, strict=True):
        cv2.circle(dimmed, (int(x), int(y)), dot_radius_px, colour, -1)
    return dimmed
