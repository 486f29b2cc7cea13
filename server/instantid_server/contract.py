"""What every model takes and gives: names, types, ranges and defaults, each written once.

Imports nothing that is installed, so that the client can read it too. The `config.pbtxt` files are
compared with this page by a test. `-1` marks sizes that belong to the weights or to the request.
"""

from enum import StrEnum

from instantid_server.error_code import RETRY_HINT as RETRY_HINT
from instantid_server.error_code import STAGE_RETRY_S as STAGE_RETRY_S
from instantid_server.error_code import ErrorCode as ErrorCode
from instantid_server.model_spec import ModelSpec as ModelSpec
from instantid_server.model_spec import TensorSpec as TensorSpec
from instantid_server.states import ConsentLevel as ConsentLevel
from instantid_server.states import CredentialsState as CredentialsState
from instantid_server.states import MarkState as MarkState
from instantid_server.states import RecordState as RecordState

# -- the request ---------------------------------------------------------------------------------

NUM_IDENTITY_TOKENS = 16  # queries of InstantID's resampler
EMBEDDING_SIZE = 512  # ArcFace embedding, raw
NUM_KEYPOINTS = 5  # eyes, nose, mouth corners
NUM_TIME_IDS = 6  # of SDXL: original size, crop, target size
CHUNK_TOKENS = 77  # CLIP's positions, start and end token among them

DEFAULT_NUM_INFERENCE_STEPS = 30  # this and the next three: InstantID's infer.py
DEFAULT_GUIDANCE_SCALE = 5.0
DEFAULT_IP_ADAPTER_SCALE = 0.8
DEFAULT_CONTROLNET_CONDITIONING_SCALE = 0.8
DEFAULT_OUTPUT_QUALITY = 90
DEFAULT_PREVIEW_EVERY = 5

MAX_NUM_INFERENCE_STEPS = 150
MAX_GUIDANCE_SCALE = 30.0
MAX_CONDITIONING_SCALE = 1.5
MAX_NUM_IMAGES_PER_PROMPT = 8
MAX_PROMPT_BYTES = 8192
MAX_PROMPT_CHUNKS = 4  # of 75 tokens each; CLIP reads no more at a time
MAX_IMAGE_BYTES = 16 * 1024 * 1024
MAX_REQUEST_BYTES = 4 * MAX_IMAGE_BYTES  # two photos, which grow by a third when sent as JSON
MAX_IMAGE_PIXELS = 40_000_000  # a 40-megapixel photo decodes to 120 MB
MIN_IMAGE_SIDE_PX = 16  # below that no face can be found
MAX_FACES = 16  # of one photo, the best scored ones; one batch of the recogniser

# Short name -> diffusers class. Both are accepted, in any case.
SCHEDULERS = {
    "ddim": "DDIMScheduler",
    "ddpm": "DDPMScheduler",
    "deis": "DEISMultistepScheduler",
    "dpm++": "DPMSolverMultistepScheduler",
    "euler": "EulerDiscreteScheduler",
    "euler_a": "EulerAncestralDiscreteScheduler",
    "heun": "HeunDiscreteScheduler",
    "lcm": "LCMScheduler",
    "unipc": "UniPCMultistepScheduler",
}
DEFAULT_SCHEDULER = "EulerDiscreteScheduler"


class OutputFormat(StrEnum):
    """How a picture is encoded."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"


class StreamEvent(StrEnum):
    """What a response of `instantid_stream` carries."""

    PROGRESS = "progress"
    PREVIEW = "preview"
    RESULT = "result"


class PriorityClass(StrEnum):
    """Who goes first where requests wait."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


# Request parameters: what the server needs to know of a request, beside what the picture shows.
TENANT_PARAMETER = "tenant"  # on whose behalf; waiting is fair between tenants
PRIORITY_PARAMETER = "priority_class"
TRACE_PARAMETER = "traceparent"  # W3C trace context
STAGE_KEY_PARAMETER = "stage_key"  # what this server's own models call its stages with


# -- the models ----------------------------------------------------------------------------------


def _wire(name: str, *dims: int) -> TensorSpec:
    return TensorSpec(name, "FP32", dims, on_wire=True)


def _option(name: str, dtype: str, *dims: int) -> TensorSpec:
    return TensorSpec(name, dtype, dims or (1,), optional=True)


_LATENTS = _wire("latents", -1, -1, -1)  # (channels, height / 8, width / 8)
_PROMPT_EMBEDS = _wire("prompt_embeds", -1, -1)  # (77 x chunks, D)
_POOLED = _wire("pooled_prompt_embeds", -1)
_IDENTITY_TOKENS = _wire("identity_tokens", NUM_IDENTITY_TOKENS, -1)
_RESIDUALS = _wire("residuals", -1)  # all of them, flattened one after another; empty: none
_NOISE_PRED = _wire("noise_pred", -1, -1, -1)
_TIMESTEP = TensorSpec("timestep", "FP32", (1,))
_TIME_IDS = TensorSpec("time_ids", "FP32", (NUM_TIME_IDS,))
_KEYPOINTS = TensorSpec("face_keypoints", "FP32", (-1, NUM_KEYPOINTS, 2))
_CONTROLNET_SCALE = TensorSpec("controlnet_conditioning_scale", "FP32", (1,))
_ADAPTER_SCALE = TensorSpec("ip_adapter_scale", "FP32", (1,))
_IMAGE = TensorSpec("image", "UINT8", (-1, -1, 3))  # RGB


def _batch_requests(name: str) -> TensorSpec:
    return TensorSpec(name, "INT32", (1,))  # how many requests shared the execution


FACE_DETECTOR = ModelSpec(
    "face_detector",
    "onnxruntime",
    inputs=(TensorSpec("image", "FP32", (3, -1, -1)),),
    outputs=tuple(
        TensorSpec(f"{name}_{stride}", "FP32", (-1, width))
        for name, width in (("scores", 1), ("bboxes", 4), ("keypoints", 2 * NUM_KEYPOINTS))
        for stride in (8, 16, 32)
    ),
)
FACE_EMBEDDER = ModelSpec(
    "face_embedder",
    "onnxruntime",
    inputs=(TensorSpec("aligned_face", "FP32", (3, 112, 112)),),
    outputs=(TensorSpec("face_embedding", "FP32", (EMBEDDING_SIZE,)),),
)
FACE_ANALYSIS = ModelSpec(
    "face_analysis",
    "python",
    inputs=(TensorSpec("encoded_image", "BYTES", (1,)),),
    outputs=(
        TensorSpec("face_bboxes", "FP32", (-1, 4)),  # left, top, right, bottom in pixels
        TensorSpec("face_scores", "FP32", (-1,)),
        TensorSpec("face_keypoints", "FP32", (-1, NUM_KEYPOINTS, 2)),
        TensorSpec("face_embeddings", "FP32", (-1, EMBEDDING_SIZE)),
        TensorSpec("image_size", "INT32", (2,)),  # height, width as a person sees the photo
    ),
    calls=("face_detector", "face_embedder"),
)
TEXT_ENCODER = ModelSpec(
    "text_encoder",
    "python",
    inputs=(TensorSpec("prompt", "BYTES", (1,)),),
    outputs=(_PROMPT_EMBEDS, _POOLED),
)
ID_RESAMPLER = ModelSpec(
    "id_resampler",
    "python",
    inputs=(TensorSpec("face_embedding", "FP32", (EMBEDDING_SIZE,)),),
    outputs=(_IDENTITY_TOKENS,),
)
IDENTITYNET = ModelSpec(
    "identitynet",
    "python",
    inputs=(
        _LATENTS,
        _TIMESTEP,
        _IDENTITY_TOKENS,
        _POOLED,
        _TIME_IDS,
        _KEYPOINTS,
        _CONTROLNET_SCALE,
    ),
    outputs=(_RESIDUALS, _batch_requests("batch_requests")),
)
UNET = ModelSpec(
    "unet",
    "python",
    inputs=(
        _LATENTS,
        _TIMESTEP,
        _PROMPT_EMBEDS,
        _IDENTITY_TOKENS,
        _POOLED,
        _TIME_IDS,
        _ADAPTER_SCALE,
        _RESIDUALS,
        # What a row without residuals asks IdentityNet with, through this node; scale 0: not.
        _KEYPOINTS,
        _CONTROLNET_SCALE,
    ),
    outputs=(
        _NOISE_PRED,
        _batch_requests("batch_requests"),
        _batch_requests("identitynet_batch_requests"),  # 0: not asked by this node
    ),
    calls=("identitynet",),
    max_input_bytes=2 * 1024**3,  # residuals of sixteen rows of 1024 x 1024 in FP32 fit
)
DENOISE_STEP = ModelSpec(
    "denoise_step",
    "ensemble",
    inputs=(
        _LATENTS,
        _TIMESTEP,
        _PROMPT_EMBEDS,
        _IDENTITY_TOKENS,
        _POOLED,
        _TIME_IDS,
        _KEYPOINTS,
        _CONTROLNET_SCALE,
        _ADAPTER_SCALE,
    ),
    outputs=(
        _NOISE_PRED,
        _batch_requests("unet_batch_requests"),
        _batch_requests("identitynet_batch_requests"),
    ),
    calls=("identitynet", "unet"),
)
VAE_DECODER = ModelSpec("vae_decoder", "python", inputs=(_LATENTS,), outputs=(_IMAGE,))
VAE_ENCODER = ModelSpec("vae_encoder", "python", inputs=(_IMAGE,), outputs=(_LATENTS,))
_CHECKER = TensorSpec("checker", "BYTES", (1,))  # name and fingerprint of what judged a picture
SAFETY = ModelSpec(
    "safety",
    "python",
    inputs=(_IMAGE,),
    outputs=(TensorSpec("flagged", "INT32", (1,)), _CHECKER),  # 1: must not leave the server
)
CREDENTIALS = ModelSpec(
    "credentials",
    "python",
    inputs=(
        _IMAGE,
        TensorSpec("record_id", "BYTES", (1,)),  # 32 hexadecimal digits
        TensorSpec("output_format", "BYTES", (1,)),
        TensorSpec("output_quality", "INT32", (1,)),
        _CHECKER,
        TensorSpec("consent_level", "BYTES", (1,)),  # ConsentLevel
    ),
    outputs=(
        TensorSpec("encoded_image", "BYTES", (1,)),
        TensorSpec("perceptual_hash", "BYTES", (1,)),  # hexadecimal
    ),
)

_REQUEST = (
    TensorSpec("prompt", "BYTES", (1,)),
    _option("negative_prompt", "BYTES"),
    _option("face_image", "BYTES"),
    _option("face_card", "BYTES"),  # of `enroll`, instead of the photo
    _option("face_embedding", "FP32", EMBEDDING_SIZE),  # where the policy allows it
    _option("consent_token", "BYTES"),  # a JSON Web Token
    _option("face_index", "INT32"),
    _option("pose_image", "BYTES"),
    _option("face_keypoints", "FP32", NUM_KEYPOINTS, 2),
    _option("width", "INT32"),
    _option("height", "INT32"),
    _option("num_inference_steps", "INT32"),
    _option("guidance_scale", "FP32"),
    _option("ip_adapter_scale", "FP32"),
    _option("controlnet_conditioning_scale", "FP32"),
    _option("control_guidance_start", "FP32"),
    _option("control_guidance_end", "FP32"),
    _option("scheduler", "BYTES"),
    _option("seed", "INT64"),
    _option("num_images_per_prompt", "INT32"),
    _option("output_format", "BYTES"),
    _option("output_quality", "INT32"),
)
_RESULT = (
    TensorSpec("image", "BYTES", (-1,)),
    TensorSpec("seed", "INT64", (-1,)),
    TensorSpec("record_id", "BYTES", (-1,)),  # under which each picture is on record
    TensorSpec("identity_similarity", "FP32", (-1,)),
    TensorSpec("identity_note", "BYTES", (-1,)),
    TensorSpec("face_bbox", "FP32", (-1, 4)),  # of the face found in each picture; NaN: none
    _KEYPOINTS,  # where the face was asked to be, pixels of the result
    TensorSpec("timings", "BYTES", (1,)),  # JSON
)
_STAGES_CALLED = (
    "face_analysis",
    "text_encoder",
    "id_resampler",
    "denoise_step",
    "unet",
    "vae_decoder",
    "safety",
    "credentials",
)
INSTANTID = ModelSpec(
    "instantid",
    "python",
    inputs=_REQUEST,
    outputs=_RESULT,
    batches=False,
    calls=_STAGES_CALLED,
    max_input_bytes=MAX_REQUEST_BYTES,
)
INSTANTID_STREAM = ModelSpec(
    "instantid_stream",
    "python",
    inputs=(*_REQUEST, _option("preview_every", "INT32")),
    outputs=(
        TensorSpec("event", "BYTES", (1,)),
        TensorSpec("step", "INT32", (1,)),  # steps done
        TensorSpec("num_inference_steps", "INT32", (1,)),
        TensorSpec("preview", "BYTES", (-1,)),
        *_RESULT,
    ),
    batches=False,
    decoupled=True,
    calls=_STAGES_CALLED,
    max_input_bytes=MAX_REQUEST_BYTES,
)
INSTANTID_CANCEL = ModelSpec(
    "instantid_cancel",
    "python",
    inputs=(TensorSpec("request_id", "BYTES", (1,)),),
    outputs=(TensorSpec("cancelled", "INT32", (1,)),),  # requests of that id that were given up
    batches=False,
)
ENROLL = ModelSpec(
    "enroll",
    "python",
    inputs=(
        TensorSpec("face_image", "BYTES", (1,)),
        _option("face_index", "INT32"),
        _option("consent_token", "BYTES"),
    ),
    outputs=(
        TensorSpec("face_card", "BYTES", (1,)),  # text: the likeness, sealed for this server
        TensorSpec("face_template", "BYTES", (1,)),  # text: what a consent can be bound to
        TensorSpec("face_bbox", "FP32", (4,)),
    ),
    batches=False,
    calls=("face_analysis",),
    max_input_bytes=MAX_REQUEST_BYTES,
)
VERIFY = ModelSpec(
    "verify",
    "python",
    inputs=(TensorSpec("image", "BYTES", (1,)),),  # encoded
    outputs=(
        TensorSpec("credentials", "BYTES", (1,)),  # CredentialsState
        TensorSpec("mark", "BYTES", (1,)),  # MarkState
        TensorSpec("record", "BYTES", (1,)),  # RecordState
        TensorSpec("summary", "BYTES", (1,)),  # JSON: the same, in words for people
    ),
    batches=False,
    max_input_bytes=MAX_IMAGE_BYTES,
)

MODELS = {
    spec.name: spec
    for spec in (
        FACE_DETECTOR,
        FACE_EMBEDDER,
        FACE_ANALYSIS,
        TEXT_ENCODER,
        ID_RESAMPLER,
        IDENTITYNET,
        UNET,
        DENOISE_STEP,
        VAE_DECODER,
        VAE_ENCODER,
        SAFETY,
        CREDENTIALS,
        INSTANTID,
        INSTANTID_STREAM,
        INSTANTID_CANCEL,
        ENROLL,
        VERIFY,
    )
}
GENERATING_MODELS = (INSTANTID.name, INSTANTID_STREAM.name)
# They answer late, from threads of their own: when such a process dies, its callers wait in vain.
LATE_MODELS = (*GENERATING_MODELS, ENROLL.name)
PUBLIC_MODELS = (*GENERATING_MODELS, INSTANTID_CANCEL.name, ENROLL.name, VERIFY.name)
