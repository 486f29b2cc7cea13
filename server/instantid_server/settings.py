"""The `parameters` of a `config.pbtxt`, read once into a frozen dataclass."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import TypeVar, cast, get_type_hints

SettingsT = TypeVar("SettingsT")

_BOOLEANS = {"true": True, "false": False}


class SettingsError(ValueError):
    """A parameter is unknown, missing or malformed; the model refuses to load."""


@dataclass(frozen=True)
class TorchSettings:
    """Where and how a network computes."""

    device: str = "cpu"  # "cpu" or "cuda"; the instance group names which GPU
    dtype: str = "float32"  # "float32", "bfloat16" or "float16"
    compile: bool = False  # torch.compile the network
    num_threads: int = 1  # of one forward on the CPU

    def __post_init__(self) -> None:
        """Refuse devices and dtypes that no stage knows."""
        _check_choice("device", self.device, ("cpu", "cuda"))
        _check_choice("dtype", self.dtype, ("float32", "bfloat16", "float16"))


@dataclass(frozen=True)
class FaceAnalysisSettings:
    """How faces are searched."""

    detection_size: int = 640  # side of the square the photo is fitted into, in pixels
    score_threshold: float = 0.5
    nms_threshold: float = 0.4


@dataclass(frozen=True)
class PipelineSettings:
    """How the public models run their loops."""

    max_batch_rows: int = 16  # rows of one step call; the batch limit of identitynet and unet
    wire_dtype: str = "FP32"  # floating type between the stages
    # Who is asked for a step: "denoise_step", the ensemble, in which each network forms batches of
    # its own, or "unet", whose node forms one batch and asks IdentityNet for it.
    step_model: str = "denoise_step"

    def __post_init__(self) -> None:
        """Refuse a type that does not travel as numpy, and a model that makes no steps."""
        _check_choice("wire_dtype", self.wire_dtype, ("FP32", "FP16"))
        _check_choice("step_model", self.step_model, ("denoise_step", "unet"))


def read_settings(kind: type[SettingsT], parameters: Mapping[str, str]) -> SettingsT:
    """Return `parameters` as a `kind`, a dataclass of int, float, bool and str fields.

    Raises SettingsError for an unknown, missing or malformed parameter.
    """
    declared = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    types = get_type_hints(kind)
    if unknown := sorted(parameters.keys() - declared.keys()):
        raise SettingsError(f"unknown parameter {unknown[0]}; known are {sorted(declared)}")
    required = {name for name, field in declared.items() if field.default is MISSING}
    if missing := sorted(required - parameters.keys()):
        raise SettingsError(f"the parameter {missing[0]} is missing")
    return kind(**{name: _parse(name, types[name], text) for name, text in parameters.items()})


def _parse(name: str, kind: type, text: str) -> object:
    if kind is bool:
        if text.lower() not in _BOOLEANS:
            raise SettingsError(f"{name}: expected true or false, got {text!r}")
        return _BOOLEANS[text.lower()]
    try:
        return cast(object, kind(text))
    except ValueError as error:
        raise SettingsError(f"{name}: expected {kind.__name__}, got {text!r}") from error


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise SettingsError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
