"""The policy: what the operator demands of every picture, on one TOML page.

The entry process reads and checks the page once and hands it on in the environment, so that every
process of one server follows the same one, whatever happens to the file.
"""

import hashlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

POLICY_VARIABLE = "INSTANTID_POLICY"  # in the environment of Triton, and thus of every stub

_FILES = (("consent", "revocations"), ("protected", "registry"), ("prompts", "words"))

PartT = TypeVar("PartT")


class PolicyError(ValueError):
    """The page has an unknown name, or a value that no policy can have."""


@dataclass(frozen=True)
class SafetyPolicy:
    """Whether and how strictly finished pictures are judged."""

    checker: str = "stage"  # "stage": the model `safety`; "none": nobody looks
    adjustment: float = 0.0  # added to every score of the checker; above 0 is stricter

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        _check_choice("safety.checker", self.checker, ("stage", "none"))
        _check_range("safety.adjustment", self.adjustment, -1.0, 1.0)


@dataclass(frozen=True)
class MarkPolicy:
    """The mark in the pixels."""

    watermarker: str = "spectrum"  # "trustmark" takes an operator's ONNX files; "none": no mark
    amplitude: float = 0.75  # of "spectrum", in grey levels where a picture is smooth

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        _check_choice("mark.watermarker", self.watermarker, ("spectrum", "trustmark", "none"))
        _check_range("mark.amplitude", self.amplitude, 0.1, 10.0)


@dataclass(frozen=True)
class CredentialsPolicy:
    """The signature."""

    timestamp_url: str = ""  # of an RFC 3161 time stamp authority; without one, none is asked


@dataclass(frozen=True)
class VerifyPolicy:
    """The public model `verify`."""

    per_minute: int = 60  # questions of one tenant, so that it is no oracle for who removes marks

    def __post_init__(self) -> None:
        """Refuse what would let nobody ask."""
        _check_range("verify.per_minute", self.per_minute, 1, 1_000_000)


@dataclass(frozen=True)
class ConsentPolicy:
    """Whose consent a picture needs, and how it is shown."""

    required: bool = True
    self_attested: bool = True  # callers may say themselves that they have it
    demo: bool = True  # believe the tokens of this project's drawn persons
    templates: bool = False  # tokens bound to a face, which a morph of two faces can meet
    raw_embeddings: bool = False  # an embedding is a likeness that whoever holds it can draw
    audience: str = "instantid"  # whom tokens must be for
    scope: str = "portraits"  # what tokens must be for
    max_days: int = 30  # of a token and of a face card
    match: float = 0.5  # cosine from which a face is the one of the token's template
    revocations: str = ""  # path of a signed list; without one, nothing is revoked
    revocations_max_age_hours: float = 24.0  # an older list refuses everybody

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _check_range("consent.max_days", self.max_days, 1, 366)
        _check_range("consent.match", self.match, 0.0, 1.0)
        _check_range(
            "consent.revocations_max_age_hours", self.revocations_max_age_hours, 0.01, 8784.0
        )


@dataclass(frozen=True)
class ProtectedPolicy:
    """Whom nobody may draw."""

    registry: str = ""  # path of a signed file; without one, nobody is protected
    threshold: float = 0.35  # cosine from which a face is the protected one
    check_output: bool = True  # the finished picture as well: a prompt can name somebody

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _check_range("protected.threshold", self.threshold, 0.0, 1.0)


@dataclass(frozen=True)
class PromptPolicy:
    """What may be asked for."""

    sieve: bool = True
    words: str = ""  # path of a page of more words; without one, only those that come along


@dataclass(frozen=True)
class AuditPolicy:
    """What is put on record."""

    refusals: bool = True  # those by policy; overload is only counted
    checkpoint_every: int = 100  # records

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        _check_range("audit.checkpoint_every", self.checkpoint_every, 1, 1_000_000)


@dataclass(frozen=True)
class Policy:
    """The whole page; the defaults are the safe ones."""

    previews: bool = True
    safety: SafetyPolicy = field(default_factory=SafetyPolicy)
    mark: MarkPolicy = field(default_factory=MarkPolicy)
    credentials: CredentialsPolicy = field(default_factory=CredentialsPolicy)
    verify: VerifyPolicy = field(default_factory=VerifyPolicy)
    consent: ConsentPolicy = field(default_factory=ConsentPolicy)
    protected: ProtectedPolicy = field(default_factory=ProtectedPolicy)
    prompts: PromptPolicy = field(default_factory=PromptPolicy)
    audit: AuditPolicy = field(default_factory=AuditPolicy)

    @classmethod
    def read(cls, path: Path) -> "Policy":
        """Return the policy of a TOML page; raises PolicyError, or OSError without a page."""
        try:
            page = tomllib.loads(path.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise PolicyError(f"{path.name}: {error}") from error
        _find_files(page, path.parent)
        return _read_part(cls, page, "")

    @classmethod
    def from_environment(cls) -> "Policy":
        """Return the policy of the server that this process belongs to; without one, the safe one.

        Raises PolicyError.
        """
        return _read_part(cls, json.loads(os.environ.get(POLICY_VARIABLE, "{}")), "")

    def to_json(self) -> str:
        """Return the page for `from_environment`, and for the hash."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def digest(self) -> str:
        """SHA-256 of everything that the policy says, in hexadecimal; stamped into every record."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _find_files(page: Mapping[str, Any], folder: Path) -> None:
    """Make paths on the page, which count from its folder, good for every process.

    Links stay links: in a ConfigMap's volume each update moves them to a folder of another name.
    """
    for part, name in _FILES:
        table = page.get(part)
        if isinstance(table, dict) and isinstance(table.get(name), str) and table[name]:
            table[name] = str((folder / table[name]).absolute())


def _read_part(kind: type[PartT], table: Mapping[str, Any], prefix: str) -> PartT:
    types = get_type_hints(kind)
    known = {item.name for item in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if unknown := sorted(table.keys() - known):
        raise PolicyError(f"{prefix}{unknown[0]}: no such name; known are {sorted(known)}")
    return kind(**{name: _read_value(types[name], table[name], prefix + name) for name in table})


def _read_value(kind: type, value: Any, name: str) -> Any:
    if isinstance(value, dict):
        if kind in (bool, int, float, str):
            raise PolicyError(f"{name}: expected {kind.__name__}, got a table")
        return _read_part(kind, value, f"{name}.")
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # True is an int, but no number of questions
        raise PolicyError(f"{name}: expected {kind.__name__}, got {value!r}")
    return value


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise PolicyError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise PolicyError(f"{name}: expected {low:g} to {high:g}, got {value:g}")
