"""Tells whether a picture is this server's, and unchanged."""

from instantid_server.adapter import TritonControl
from instantid_server.contract import VERIFY
from instantid_server.verify import Verification


class TritonPythonModel(TritonControl):
    spec = VERIFY
    load = Verification.load
