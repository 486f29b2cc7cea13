"""Cancelling by request id: for who cannot hang up, as over HTTP."""

import numpy as np

from instantid_server.caller import MAX_NAME_CHARACTERS, Caller
from instantid_server.desk_link import DeskLink
from instantid_server.errors import InvalidInput
from instantid_server.node import Tensors


class Cancellation:
    """Takes requests back that run or wait, those of the same tenant alone."""

    def __init__(self, desk: DeskLink) -> None:
        self._desk = desk

    def answer(self, inputs: Tensors, caller: Caller) -> Tensors:
        """Return how many requests there were of the id in `inputs`."""
        request_id = _read_id(inputs)
        count = self._desk.cancel(request_id, caller.tenant)
        return {"cancelled": np.array([count], np.int32)}


def _read_id(inputs: Tensors) -> str:
    array = inputs["request_id"]
    if array.shape != (1,):
        raise InvalidInput(f"request_id: expected the shape (1,), got {array.shape}")
    try:
        request_id = str(array[0].decode())
    except UnicodeDecodeError as error:
        raise InvalidInput("request_id: expected UTF-8 text") from error
    if not 0 < len(request_id) <= MAX_NAME_CHARACTERS:
        raise InvalidInput(
            f"request_id: expected 1 to {MAX_NAME_CHARACTERS} characters, got {len(request_id)}"
        )
    return request_id
