"""Attacks on the registry of protected people: on its faces, its file and what it gives away."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from instantid_server.contract import ConsentLevel
from instantid_server.errors import InstantIDError
from instantid_server.trust.consent.gate import Consent
from instantid_server.trust.policy import PromptPolicy
from instantid_server.trust.protected.check import FaceSource
from instantid_server.trust.protected.registry import Registry, RegistryError
from instantid_server.trust.protected.registry_key import read_pin
from instantid_server.trust.sieve.sieve import PromptSieve
from scripts.consent.attack import Attack, attempt
from scripts.consent.registry_target import (
    ISSUER,
    SUBJECT,
    RegistryTarget,
    likeness,
    registry_target,
)

_MADE_UP_COSINE = 0.15


def attacks() -> list[Attack]:
    """Try all of them."""
    with registry_target() as target:
        target.draw(target.stranger)  # else all that follows would be refused, and prove nothing
        return [*_on_faces(target), _probing(target), *_on_the_file(target)]


def open_attacks() -> list[Attack]:
    """Try what is known to succeed."""
    with registry_target() as target:
        made_up = likeness(target.protected, _MADE_UP_COSINE)
        tried = [
            attempt(
                "protected face, made up to fall below the threshold", lambda: target.draw(made_up)
            )
        ]
        target.path.write_bytes(target.older)
        return [*tried, _start("registry: an older one put back, then a restart", target)]


def _on_faces(target: RegistryTarget) -> list[Attack]:
    own = Consent(ConsentLevel.VERIFIED, "c", ISSUER, SUBJECT)
    attested = Consent(ConsentLevel.SELF_ATTESTED, "c", ISSUER, SUBJECT)
    elsewhere = Consent(ConsentLevel.VERIFIED, "c", "another issuer", SUBJECT)
    protected, also = target.protected, target.also_protected
    near = likeness(protected, 0.6)
    return [
        attempt("protected face as the reference", lambda: target.draw(protected)),
        attempt("another photo of a protected face", lambda: target.draw(near)),
        attempt(
            "protected face, named by the prompt",
            lambda: target.draw(protected, FaceSource.PICTURE),
        ),
        attempt(
            "protected person, self-attested", lambda: target.draw(protected, consent=attested)
        ),
        attempt(
            "same subject at another issuer", lambda: target.draw(protected, consent=elsewhere)
        ),
        attempt("protected person's consent for another", lambda: target.draw(also, consent=own)),
    ]


def _probing(target: RegistryTarget) -> Attack:
    """Tell from the answers why one was refused."""
    acts: list[Callable[[], object]] = [
        lambda: target.draw(target.protected),
        lambda: target.draw(target.also_protected),
        lambda: target.draw(target.protected, FaceSource.PICTURE),
        lambda: PromptSieve.load(PromptPolicy()).check("a nude person", ""),
        lambda: PromptSieve.load(PromptPolicy()).check("a portrait", "clothes"),
    ]
    answers = {_answer(act) for act in acts}
    return Attack("registry probed by its answers", len(answers) > 1, f"{len(answers)} answer")


def _answer(act: Callable[[], object]) -> str:
    try:
        return str(act())
    except InstantIDError as error:
        return f"{type(error).__name__} {error}"


def _on_the_file(target: RegistryTarget) -> list[Attack]:
    signed = target.path.read_bytes()
    lines = signed.splitlines(keepends=True)
    registry = Registry.parse(signed, read_pin(target.keys.folder))
    forged = registry.signed(Ed25519PrivateKey.generate())
    contents = {
        "entry taken out": b"".join([*lines[:1], *lines[2:]]),
        "entry edited": signed.replace(b"court", b"estate"),
        "signature cut off": b"".join(lines[:-1]),
        "signed by another key": forged,
        "emptied": b"",
    }
    tried = []
    for name, content in contents.items():
        target.path.write_bytes(content)
        tried.append(attempt(f"registry: {name}", lambda: target.draw(target.stranger)))
        tried.append(_start(f"registry: {name}, then a restart", target))
    target.path.write_bytes(target.older)
    tried.append(attempt("registry: an older one put back", lambda: target.draw(target.stranger)))
    target.path.unlink()
    tried.append(attempt("registry: deleted", lambda: target.draw(target.stranger)))
    tried.append(_start("registry: deleted, then a restart", target))
    return tried


def _start(name: str, target: RegistryTarget) -> Attack:
    try:
        target.start_again()
    except RegistryError:
        return Attack(name, False, "does not start")
    return Attack(name, True, "started")
