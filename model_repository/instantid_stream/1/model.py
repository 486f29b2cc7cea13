"""Generates pictures of a person; progress and previews first."""

from instantid_server.adapter import TritonPipeline
from instantid_server.contract import INSTANTID_STREAM
from instantid_server.generation import Generation


class TritonPythonModel(TritonPipeline):
    spec = INSTANTID_STREAM
    load = Generation.load
