"""Turns a face embedding into identity tokens."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import ID_RESAMPLER
from instantid_server.stages.resampler import Resampler


class TritonPythonModel(TritonStage):
    spec = ID_RESAMPLER
    load = Resampler.load
