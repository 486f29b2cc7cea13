"""Predicts the noise in the latents of one step."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import UNET
from instantid_server.stages.unet import Unet


class TritonPythonModel(TritonStage):
    spec = UNET
    load = Unet.load
