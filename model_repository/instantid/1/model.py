"""Generates pictures of a person; one answer a request."""

from instantid_server.adapter import TritonPipeline
from instantid_server.contract import INSTANTID
from instantid_server.generation import Generation


class TritonPythonModel(TritonPipeline):
    spec = INSTANTID
    load = Generation.load
