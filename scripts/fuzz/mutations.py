"""Good requests, and what can be wrong with them: strategies for hypothesis."""

import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from hypothesis import strategies
from hypothesis.strategies import SearchStrategy
from tritonclient.utils import serialize_byte_tensor, triton_to_np_dtype

from instantid_server.contract import (
    EMBEDDING_SIZE,
    INSTANTID,
    INSTANTID_CANCEL,
    ModelSpec,
    TensorSpec,
)
from scripts.fuzz.raw_request import RawInput, RawRequest
from scripts.load.workloads import PORTRAITS

Inputs: TypeAlias = tuple[RawInput, ...]
Mutation: TypeAlias = Callable[[Inputs], SearchStrategy[Inputs]]

_DATATYPES = ("BOOL", "UINT8", "INT8", "INT32", "INT64", "FP16", "FP32", "FP64", "BYTES", "", "X")
_SIZES = (-(2**63), -1, 0, 1, 2, 3, EMBEDDING_SIZE, 2**31, 2**63 - 1)
# Few are in range, or the server would draw all day; those that are draw something small.
_INTEGERS = (-(2**31), -128, -8, -1, 0, 1, 7, 8, 96, 130, 151, 264, 8192, 2**31 - 1)
_LARGE_INTEGERS = (*_INTEGERS, -(2**63), 2**63 - 1)
_FLOATS = (0.0, -0.0, -1.0, 0.5, 1.0, 1.6, 31.0, 1e-45, 3e38, float("nan"), float("inf"))
_TEXTS = (
    b"",
    b"\0",
    b"\xff\xfe",
    "\N{ZERO WIDTH JOINER}".encode() * 40,
    b"a " * 5000,
    b"{}",
    b"../../etc/passwd",
    b"%s%n",
    b"euler",
    b"png",
)
_PARAMETERS = ("tenant", "priority_class", "traceparent", "timeout", "priority", "sequence_id", "x")
_MAX_MUTATIONS = 3


def raw_requests() -> SearchStrategy[RawRequest]:
    """Return requests to the public models that take one answer, most of them spoilt."""
    return strategies.one_of(
        strategies.builds(
            RawRequest,
            strategies.just(INSTANTID.name),
            _mutated(_good_request(), INSTANTID),
            _ids(),
            _parameters(),
        ),
        strategies.builds(
            RawRequest,
            strategies.just(INSTANTID_CANCEL.name),
            _mutated((_text_input("request_id", b"nobody"),), INSTANTID_CANCEL),
            _ids(),
            _parameters(),
        ),
    )


def _good_request() -> Inputs:
    """Return the smallest picture that can be asked for."""
    return (
        _text_input("prompt", b"a portrait of a person"),
        _text_input("face_image", PORTRAITS[0].read_bytes()),
        RawInput("num_inference_steps", "INT32", (1,), struct.pack("<i", 1)),
        RawInput("seed", "INT64", (1,), struct.pack("<q", 1)),
    )


def _mutated(good: Inputs, model: ModelSpec) -> SearchStrategy[Inputs]:
    mutations: list[Mutation] = [
        _drop,
        _repeat,
        _rename,
        _retype,
        _reshape,
        _cut,
        _scramble,
        lambda inputs: _replace_value(inputs, model),
    ]

    def spoil(inputs: Inputs, times: int) -> SearchStrategy[Inputs]:
        if not times or not inputs:
            return strategies.just(inputs)
        mutation = strategies.sampled_from(mutations)
        return mutation.flatmap(lambda change: change(inputs)).flatmap(
            lambda changed: spoil(changed, times - 1)
        )

    return strategies.integers(0, _MAX_MUTATIONS).flatmap(lambda times: spoil(good, times))


def _each(
    inputs: Inputs, change: Callable[[RawInput], SearchStrategy[Inputs]]
) -> SearchStrategy[Inputs]:
    """Return `inputs` with one of them changed into none, one or several."""

    def at(index: int) -> SearchStrategy[Inputs]:
        return change(inputs[index]).map(
            lambda changed: (*inputs[:index], *changed, *inputs[index + 1 :])
        )

    return strategies.integers(0, len(inputs) - 1).flatmap(at)


def _drop(inputs: Inputs) -> SearchStrategy[Inputs]:
    return _each(inputs, lambda tensor: strategies.just(()))


def _repeat(inputs: Inputs) -> SearchStrategy[Inputs]:
    return _each(inputs, lambda tensor: strategies.just((tensor, tensor)))


def _rename(inputs: Inputs) -> SearchStrategy[Inputs]:
    names = strategies.sampled_from(("", "image", "PROMPT", "seed", "a" * 300, "\N{SNOWMAN}"))
    return _each(inputs, lambda tensor: names.map(lambda name: (replace(tensor, name=name),)))


def _retype(inputs: Inputs) -> SearchStrategy[Inputs]:
    types = strategies.sampled_from(_DATATYPES)
    return _each(inputs, lambda tensor: types.map(lambda kind: (replace(tensor, datatype=kind),)))


def _reshape(inputs: Inputs) -> SearchStrategy[Inputs]:
    shapes = strategies.lists(strategies.sampled_from(_SIZES), max_size=4).map(tuple)
    return _each(inputs, lambda tensor: shapes.map(lambda shape: (replace(tensor, shape=shape),)))


def _cut(inputs: Inputs) -> SearchStrategy[Inputs]:
    def shorter(tensor: RawInput) -> SearchStrategy[Inputs]:
        lengths = strategies.integers(0, len(tensor.content))
        return lengths.map(lambda length: (replace(tensor, content=tensor.content[:length]),))

    return _each(inputs, shorter)


def _scramble(inputs: Inputs) -> SearchStrategy[Inputs]:
    contents = strategies.binary(max_size=64)
    return _each(
        inputs, lambda tensor: contents.map(lambda content: (replace(tensor, content=content),))
    )


def _replace_value(inputs: Inputs, model: ModelSpec) -> SearchStrategy[Inputs]:
    """Return `inputs` with a wild value of the right type in one of the model's own."""
    others = {spec.name: [t for t in inputs if t.name != spec.name] for spec in model.inputs}
    return strategies.sampled_from(model.inputs).flatmap(
        lambda spec: _values(spec).map(lambda tensor: (*others[spec.name], tensor))
    )


def _values(spec: TensorSpec) -> SearchStrategy[RawInput]:
    if spec.dtype == "BYTES":
        texts = strategies.sampled_from(_TEXTS) | strategies.binary(max_size=64)
        return texts.map(lambda text: _text_input(spec.name, text))
    numbers: tuple[int, ...] | tuple[float, ...] = _FLOATS
    if spec.dtype != "FP32":
        numbers = _INTEGERS if spec.dtype == "INT32" else _LARGE_INTEGERS
    dtype: Any = triton_to_np_dtype(spec.dtype)
    return strategies.sampled_from(numbers).map(
        lambda number: RawInput(
            spec.name, spec.dtype, spec.dims, np.full(spec.dims, number, dtype).tobytes()
        )
    )


def _ids() -> SearchStrategy[str]:
    return strategies.sampled_from(("", "fuzz", "\N{SNOWMAN}", "i" * 2000, "a\nb")) | _words()


def _parameters() -> SearchStrategy[tuple[tuple[str, str | int | bool], ...]]:
    values: SearchStrategy[str | int | bool] = (
        strategies.booleans() | strategies.sampled_from(_LARGE_INTEGERS) | _words()
    )
    pairs = strategies.dictionaries(strategies.sampled_from(_PARAMETERS), values, max_size=2)
    return pairs.map(lambda chosen: tuple(chosen.items()))


def _words() -> SearchStrategy[str]:
    return strategies.text(strategies.characters(codec="utf-8"), max_size=20)


def _text_input(name: str, value: bytes) -> RawInput:
    content = serialize_byte_tensor(np.array([value], dtype=np.object_)).item()
    return RawInput(name, "BYTES", (1,), content)
