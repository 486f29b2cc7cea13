"""The manifest: what the signed credentials of a picture say.

That a trained model made it, with which software and when, from a portrait that is not enclosed,
by whose word of the person's consent, and under which random id it is on record. Nothing in it is
the same for two pictures of a person.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from instantid_server import __version__
from instantid_server.contract import ConsentLevel
from instantid_server.trust.picture_record import mark_id_of
from instantid_server.trust.xmp import DIGITAL_SOURCE_TYPE

SOFTWARE = "instantid-triton"
RECORD_LABEL = "io.github.instantid-triton.record"  # of our own assertion

_WITHHELD = "reference-portrait"  # the ingredient's id, for the action that used it
_NOT_ALLOWED = (  # to those who collect pictures for machines
    "cawg.ai_generative_training",
    "cawg.ai_inference",
    "cawg.ai_training",
    "cawg.data_mining",
)


@dataclass(frozen=True)
class Statement:
    """What differs from picture to picture."""

    record_id: str
    made_at: datetime
    checker: str  # what judged the picture; "none": nobody looked
    policy: str  # digest of the policy in force
    consent_level: ConsentLevel  # who says that the person on the portrait agreed
    mark: str = ""  # the algorithm of the pixel mark; empty: the picture has none


def manifest(statement: Statement) -> dict[str, Any]:
    """Return the manifest as c2pa takes it."""
    return {
        "claim_generator_info": [{"name": SOFTWARE, "version": __version__}],
        "ingredients": [
            # Without its bytes or their hash: either would tell who it was to somebody with the
            # photo.
            {
                "title": "reference portrait (withheld)",
                "relationship": "inputTo",
                "instance_id": _WITHHELD,
            }
        ],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": _actions(statement)}},
            {"label": "cawg.training-mining", "data": {"entries": _reservations()}},
            *([_soft_binding(statement)] if statement.mark else []),
            {"label": RECORD_LABEL, "data": _record(statement)},
        ],
    }


def _actions(statement: Statement) -> list[dict[str, Any]]:
    created = {
        "action": "c2pa.created",
        "when": statement.made_at.isoformat(timespec="seconds"),
        "digitalSourceType": DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": SOFTWARE, "version": __version__},
        "parameters": {"ingredientIds": [_WITHHELD]},
    }
    bound = {"action": "c2pa.watermarked.bound"}
    return [created, bound] if statement.mark else [created]


def _reservations() -> dict[str, dict[str, str]]:
    return {use: {"use": "notAllowed"} for use in _NOT_ALLOWED}


def _soft_binding(statement: Statement) -> dict[str, Any]:
    value = f"{mark_id_of(statement.record_id):08x}"
    blocks = [{"scope": {}, "value": value}]
    return {"label": "c2pa.soft-binding", "data": {"alg": statement.mark, "blocks": blocks}}


def _record(statement: Statement) -> dict[str, str]:
    return {
        "record_id": statement.record_id,
        "checker": statement.checker,
        "policy": statement.policy,
        "consent_level": statement.consent_level,
    }
