"""Computes the residuals that put the face in its place."""

from instantid_server.adapter import TritonStage
from instantid_server.contract import IDENTITYNET
from instantid_server.stages.identitynet import IdentityNet


class TritonPythonModel(TritonStage):
    spec = IDENTITYNET
    load = IdentityNet.load
