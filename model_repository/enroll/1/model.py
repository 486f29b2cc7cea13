"""Takes a photo once, and returns its face sealed for this server."""

from instantid_server.adapter import TritonPipeline
from instantid_server.contract import ENROLL
from instantid_server.enrolment import Enrolment


class TritonPythonModel(TritonPipeline):
    spec = ENROLL
    load = Enrolment.load
