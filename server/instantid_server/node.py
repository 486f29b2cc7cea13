"""What a node is told when it is loaded, and what it has to offer. Triton itself stays outside."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from instantid_server.caller import Caller
from instantid_server.desk_link import DeskLink
from instantid_server.errors import InstantIDError
from instantid_server.observe.record import RequestRecord

# numpy arrays in numpy stages, torch tensors in torch stages; the adapter only passes them on.
Array: TypeAlias = Any
Tensors: TypeAlias = Mapping[str, Array]
Outcome: TypeAlias = Tensors | InstantIDError


class StageCall(Protocol):
    """Runs a model of the repository on numpy arrays and returns the outputs asked for."""

    def __call__(
        self, model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
    ) -> dict[str, NDArray[Any]]:
        """Raise an InstantIDError if the model cannot answer."""
        ...


def call_nobody(
    model: str, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Be the StageCall of a network that is used outside of a server and has no neighbours."""
    raise NotImplementedError(f"no server is running, yet {model} was called")


@dataclass(frozen=True)
class NodeContext:
    """What Triton tells a node when it loads it."""

    directory: Path  # the version's folder, with the weights
    parameters: Mapping[str, str]
    device_id: int
    max_batch_size: int
    output_types: Mapping[str, str]  # output name -> Triton's data type, without "TYPE_"
    call: StageCall


class Stage(Protocol):
    """A loaded network: takes the requests of one batch, answers each with tensors or an error."""

    # How a tensor becomes the stage's own kind without a copy; None: as numpy.
    from_dlpack: Callable[[object], Array] | None

    def run(self, requests: Sequence[Tensors]) -> list[Outcome]:
        """Return one outcome a request, in order."""
        ...


@dataclass(frozen=True)
class Exchange:
    """What a running request may do with the world outside."""

    call: StageCall
    caller: Caller
    desk: DeskLink
    is_cancelled: Callable[[], bool]
    report: Callable[[Tensors], None] | None  # sends progress and previews; None: nobody listens
    record: RequestRecord


class Pipeline(Protocol):
    """A public model's work on one request."""

    def generate(self, inputs: Tensors, exchange: Exchange) -> Tensors:
        """Return the tensors of the last response; raise an InstantIDError instead of it."""
        ...


class Control(Protocol):
    """A public model that works on requests instead of pictures."""

    def answer(self, inputs: Tensors, caller: Caller) -> Tensors:
        """Return the tensors of the response; raise an InstantIDError instead of it."""
        ...
