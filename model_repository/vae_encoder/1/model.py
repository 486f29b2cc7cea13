"""Encodes pictures into latents."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import VAE_ENCODER
from instantid_server.stages.vae import VaeEncoder


class TritonPythonModel(TritonStage):
    spec = VAE_ENCODER
    load = VaeEncoder.load
