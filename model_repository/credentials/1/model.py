"""Marks, encodes and signs pictures."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import CREDENTIALS
from instantid_server.stages.credentials import CredentialsStage


class TritonPythonModel(TritonStage):
    spec = CREDENTIALS
    load = CredentialsStage.load
