"""Encodes prompts with SDXL's two text encoders."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import TEXT_ENCODER
from instantid_server.stages.text import TextEncoder


class TritonPythonModel(TritonStage):
    spec = TEXT_ENCODER
    load = TextEncoder.load
