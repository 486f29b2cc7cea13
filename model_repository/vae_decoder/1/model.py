"""Decodes latents into pictures."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import VAE_DECODER
from instantid_server.stages.vae import VaeDecoder


class TritonPythonModel(TritonStage):
    spec = VAE_DECODER
    load = VaeDecoder.load
