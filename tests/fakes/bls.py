"""Models behind a BLS call of a node under test: answers by hand, or other nodes."""

import json
from collections.abc import Callable
from typing import Any

import red_squares
import triton_python_backend_utils as pb_utils
from batches import Arrays, answer_of, arrays_of, request_of

from instantid_server.contract import IDENTITYNET, UNET


def serve(model: str, answer: Callable[[Arrays], Arrays]) -> None:
    """Let `model` answer BLS calls with arrays."""

    def respond(request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
        outputs = answer(arrays_of(request.inputs()))
        names = request.requested_output_names
        return pb_utils.InferenceResponse([pb_utils.Tensor(name, outputs[name]) for name in names])

    pb_utils.MODELS[model] = respond


def serve_error(model: str, message: str, code: int) -> None:
    """Let `model` answer BLS calls with an error."""
    error = pb_utils.TritonError(message, code)
    pb_utils.MODELS[model] = lambda _: pb_utils.InferenceResponse(error=error)


def serve_faces() -> None:
    """Let the two models of `face_analysis` find red squares."""
    for model, answer in red_squares.ANSWERS.items():
        serve(model, answer)


def serve_chain(load_node: Callable[[str], Any]) -> None:
    """Serve every stage as a node on tiny weights, and `denoise_step` as the ensemble joins it.

    There is no safety checker: a random one refuses what it likes.
    """
    serve_faces()
    for model in ("face_analysis", "text_encoder", "id_resampler", "identitynet", "unet"):
        serve_node(model, load_node(model))
    for model in ("vae_decoder", "credentials"):
        serve_node(model, load_node(model))
    pb_utils.MODELS["denoise_step"] = _denoise_step


def serve_node(model: str, node: Any) -> None:
    """Let a loaded node answer BLS calls, one request a batch."""
    pb_utils.MODELS[model] = lambda request: node.execute([request])[0]


def _denoise_step(request: pb_utils.InferenceRequest) -> pb_utils.InferenceResponse:
    """Run both networks; Triton hands an ensemble's parameters on to each of its models."""
    inputs, parameters = arrays_of(request.inputs()), json.loads(request.parameters())

    def run(model: str, arrays: Arrays) -> Any:
        return answer_of(pb_utils.MODELS[model](request_of(arrays, parameters=parameters)))

    control = run(IDENTITYNET.name, inputs)
    noise = run(UNET.name, {**inputs, "residuals": control["residuals"]})
    outputs = {
        "noise_pred": noise["noise_pred"],
        "unet_batch_requests": noise["batch_requests"],
        "identitynet_batch_requests": control["batch_requests"],
    }
    return pb_utils.InferenceResponse(
        [pb_utils.Tensor(name, outputs[name]) for name in request.requested_output_names]
    )
