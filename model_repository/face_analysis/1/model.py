"""Finds every face of a photo and embeds it."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import FACE_ANALYSIS
from instantid_server.stages.face import FaceAnalysis


class TritonPythonModel(TritonStage):
    spec = FACE_ANALYSIS
    load = FaceAnalysis.load
