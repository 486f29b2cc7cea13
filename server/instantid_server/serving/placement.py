"""The placement of stages on servers: which models this one has, and which another answers for."""

from collections.abc import Mapping

from instantid_server.contract import MODELS
from instantid_server.remote import REMOTE_STAGES
from instantid_server.serving.failure import FailureCode, ServingFailure
from instantid_server.serving.options import ServeOptions


def check_placement(options: ServeOptions) -> None:
    """Refuse stages that cannot be apart from the rest, and addresses that are none."""
    for option, stages in (("only", options.only_stages), ("remote", options.remote_stages)):
        if unknown := [stage for stage in stages if stage not in REMOTE_STAGES]:
            raise _refusal(f"{option}: expected {', '.join(REMOTE_STAGES)}, got {unknown[0]!r}")
        if stages and options.stage_key_path is None:
            raise _refusal(f"{option}: needs stage_key, the same file on both servers")
    for stage, address in options.remote_stages.items():
        host, _, port = address.rpartition(":")
        if not (host and port.isdecimal()):
            raise _refusal(f"remote: expected {stage}=host:port, got {address!r}")
    if both := [stage for stage in options.only_stages if stage in options.remote_stages]:
        raise _refusal(f"remote: {both[0]} cannot be here alone and elsewhere")


def absent_models(only_stages: tuple[str, ...], remote_stages: Mapping[str, str]) -> frozenset[str]:
    """Return the models that this server does without.

    These are, of a server of some stages only, all but those and what they call; else what nobody
    but remote stages would call.
    """
    if only_stages:
        called = {model for stage in only_stages for model in MODELS[stage].calls}
        return frozenset(MODELS.keys() - called - set(only_stages))
    return frozenset(
        model
        for model in MODELS
        if (callers := {spec.name for spec in MODELS.values() if model in spec.calls})
        and callers <= remote_stages.keys()
    )


def _refusal(text: str) -> ServingFailure:
    return ServingFailure(FailureCode.PLACEMENT, text)
