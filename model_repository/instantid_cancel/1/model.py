"""Takes requests back by their id."""

from instantid_server.adapter import TritonControl
from instantid_server.cancel import Cancellation
from instantid_server.contract import INSTANTID_CANCEL


class TritonPythonModel(TritonControl):
    spec = INSTANTID_CANCEL
    load = Cancellation
