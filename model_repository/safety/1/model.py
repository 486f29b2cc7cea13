"""Judges finished pictures; one that is flagged stays in the server."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import SAFETY
from instantid_server.stages.safety import load_safety


class TritonPythonModel(TritonStage):
    spec = SAFETY
    load = load_safety
