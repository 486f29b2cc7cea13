"""What a request carries beside its tensors, as Triton tells it, which checks nothing."""

import json
from typing import Any

from instantid_server.errors import InvalidInput


def read_parameters(request: Any) -> dict[str, object]:
    """Return the parameters of one of Triton's requests; raises InvalidInput."""
    try:
        text = request.parameters() or "{}"
    except UnicodeDecodeError:  # over HTTP they may be any bytes
        raise InvalidInput("parameters: expected UTF-8") from None
    pairs: list[tuple[str, object]] = json.loads(text, object_pairs_hook=list)
    given = dict(pairs)
    if len(given) < len(pairs):  # a caller might overrule what a gateway says of him
        raise InvalidInput("parameters: expected each name once")
    return given


def read_id(request: Any) -> str:
    """Return the id of one of Triton's requests; raises InvalidInput."""
    try:
        return str(request.request_id())
    except UnicodeDecodeError:
        raise InvalidInput("request id: expected UTF-8") from None
