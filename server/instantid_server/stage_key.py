"""The stage key: what lets a request into a stage.

Triton serves every model to whoever knows its name, stages as well, past consent, safety and marks.
So the entry process makes a key at every start and tells it to the stubs alone; it travels as a
request parameter with every call of one model by another, also through ensembles.
"""

import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from instantid_server.contract import STAGE_KEY_PARAMETER
from instantid_server.errors import NotPublic

STAGE_KEY_VARIABLE = "INSTANTID_STAGE_KEY"  # in the environment of Triton, and thus of every stub


class StageKeyUnknown(RuntimeError):
    """Nobody said what the stage key is."""


@dataclass(frozen=True)
class StageKey:
    """The key of one server, or of several that share their stages."""

    text: str = field(repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """Return the key of the server that this process belongs to; raises StageKeyUnknown."""
        text = os.environ.get(STAGE_KEY_VARIABLE, "")
        if not text:
            raise StageKeyUnknown(
                f"{STAGE_KEY_VARIABLE} is not set: start the server with `instantid serve`, "
                "without which anybody could call the stages by name"
            )
        return cls(text)

    def parameters(self) -> dict[str, str]:
        """Return what a call of a stage carries."""
        return {STAGE_KEY_PARAMETER: self.text}

    def check(self, parameters: Mapping[str, object], stage: str) -> None:
        """Raise NotPublic unless they hold the key; how long it takes says nothing about it."""
        given = parameters.get(STAGE_KEY_PARAMETER)
        if not isinstance(given, str) or not hmac.compare_digest(_bytes(given), _bytes(self.text)):
            raise NotPublic(f"{stage} answers this server's own models alone")


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")  # JSON can name halves of characters
