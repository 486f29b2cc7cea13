"""Attacks on face cards: forged, edited, carried elsewhere, or used without a consent."""

import base64
import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instantid_server.contract import EMBEDDING_SIZE
from instantid_server.errors import FaceCardInvalid
from instantid_server.permits import Permits
from instantid_server.request import SizeLimits, read_request
from instantid_server.trust.consent.card import CardSeal, FaceCard
from instantid_server.trust.consent.gate import Consent
from instantid_server.trust.consent.issuing import photo_digest
from instantid_server.trust.consent.template import Templates, tenant_label
from instantid_server.trust.policy import ConsentPolicy, Policy
from instantid_server.trust.protected.check import ProtectedCheck
from instantid_server.trust.sieve.sieve import PromptSieve
from scripts.consent.attack import Attack, attempt
from scripts.consent.token_target import ANOTHER_PHOTO, MAX_DAYS, PHOTO, TENANT, Target

_RECOGNISER, _ANOTHER_RECOGNISER = "5f" * 8, "a0" * 8
_LIMITS = SizeLimits(128, 128, 512, 512, 8)
_DAY_S = 86_400
_PLACES = 64  # of a card where a letter is changed, from its first to its last
_SEED = 11

Attempts = Iterator[tuple[str, Callable[[], object]]]  # each is tried before the next is made


def attacks() -> list[Attack]:
    """Try them all against servers of the default policy, unless an attack is about another one."""
    with tempfile.TemporaryDirectory(prefix="cards-") as name:
        folder = Path(name)
        tried = [
            attempt(attack, act)
            for kind in (_forged, _carried, _without_consent, _of_templates)
            for attack, act in kind(folder / kind.__name__)
        ]
        return [*tried, _read_out(folder / "read-out")]


class _Server:
    """One server, as far as cards go."""

    def __init__(self, folder: Path, policy: ConsentPolicy | None = None) -> None:
        self.target = Target(folder, policy)
        self.permits = self._with(_RECOGNISER)

    def _with(self, recogniser: str) -> Permits:
        policy, keys = Policy(), self.target.keys
        return Permits(
            policy=policy,
            gate=self.target.gate,
            seal=CardSeal(keys.card, recogniser, MAX_DAYS, lambda: self.target.now.timestamp()),
            sieve=PromptSieve.load(policy.prompts),
            protected=ProtectedCheck.load(policy.protected, keys, recogniser),
        )

    def card(
        self, photo: bytes = PHOTO, recogniser: str = _RECOGNISER, days_old: float = 0
    ) -> bytes:
        """Return what `enroll` would give out for a photo."""
        card = FaceCard(
            embedding=_face(),
            keypoints=np.zeros((5, 2), np.float32),
            height=100,
            width=100,
            photo_sha256=photo_digest(photo),
            recogniser=recogniser,
            issued=int(self.target.now.timestamp() - days_old * _DAY_S),
        )
        return self._with(recogniser).seal.seal(card, TENANT).encode()

    def draw(self, tenant: str = TENANT, token: str | None = None, **face: Any) -> Consent:
        """Ask for a picture, as far as permits go."""
        inputs = {"prompt": np.array([b"a portrait"], np.object_)}
        if token is not None:
            inputs["consent_token"] = np.array([token.encode()], np.object_)
        for name, value in face.items():
            inputs[name] = value if isinstance(value, np.ndarray) else np.array([value], np.object_)
        request = read_request(inputs, _LIMITS)
        card = self.permits.open_card(request, tenant)
        return self.permits.check_consent(request, card, tenant)

    def draw_any(self, token: str, cards: Sequence[bytes]) -> Consent:
        """Ask with each card until one opens; raises what the last one gets."""
        for card in cards[:-1]:
            with contextlib.suppress(FaceCardInvalid):
                return self.draw(token=token, face_card=card)
        return self.draw(token=token, face_card=cards[-1])


def _forged(folder: Path) -> Attempts:
    server, stranger = _Server(folder), _Server(folder.with_suffix(".other"))
    token, card = server.target.token(), server.card()
    server.draw(token=token, face_card=card)  # a good card has to pass, or this proves nothing
    foreign = stranger.card()
    yield "a card of another server", lambda: server.draw(token=token, face_card=foreign)
    places = np.linspace(0, len(card) - 1, _PLACES, dtype=int)
    edited = [_with_another(card, place) for place in places]
    yield f"a card with a letter changed, {_PLACES} of them", lambda: server.draw_any(token, edited)
    cut, middle = card[:-40], len(card) // 2
    yield "a card that was cut", lambda: server.draw(token=token, face_card=cut)
    spliced = card[:middle] + server.card(ANOTHER_PHOTO)[middle:]
    yield "two cards joined", lambda: server.draw(token=token, face_card=spliced)
    zeros = b"A" * len(card)
    yield "a card of zeros", lambda: server.draw(token=token, face_card=zeros)


def _carried(folder: Path) -> Attempts:
    server = _Server(folder)
    anybodys, card = server.target.token(tenant=None), server.card()
    yield (
        "a card stolen by another tenant, with a token that names none",
        lambda: server.draw("thief", anybodys, face_card=card),
    )
    other = server.card(recogniser=_ANOTHER_RECOGNISER)
    yield "a card of another recogniser", lambda: server.draw(token=anybodys, face_card=other)
    old = server.card(days_old=MAX_DAYS + 1)
    yield "an old card", lambda: server.draw(token=anybodys, face_card=old)


def _without_consent(folder: Path) -> Attempts:
    server = _Server(folder)
    card, token = server.card(), server.target.token()
    yield "a card without a token", lambda: server.draw(face_card=card)
    others = server.target.token(photo_digests=[photo_digest(ANOTHER_PHOTO)])
    yield "a card and the token of another photo", lambda: server.draw(token=others, face_card=card)
    yield "a raw embedding", lambda: server.draw(token=token, face_embedding=_face())
    yield "a raw embedding without a token", lambda: server.draw(face_embedding=_face())


def _of_templates(folder: Path) -> Attempts:
    server = _Server(folder, ConsentPolicy(templates=True))
    stranger = _Server(folder.with_suffix(".other"), ConsentPolicy(templates=True))

    def under(templates: Templates, tenant: str = TENANT) -> None:
        text = templates.make(_face(), tenant_label(tenant)).to_text()
        token = server.target.token(templates=[text], photo_digests=[])
        consent = server.draw(token=token, face_card=server.card())
        server.permits.check_reference(_face(), consent)

    own, others = (Templates(one.target.keys.template) for one in (server, stranger))
    under(own)  # the person's own template has to pass
    yield "a template made by another server", lambda: under(others)
    yield "a template made for another tenant", lambda: under(own, "another")


def _read_out(folder: Path) -> Attack:
    """Look for the face in a card's bytes, and compare two cards of one face."""
    server = _Server(folder)
    first, second = (base64.urlsafe_b64decode(server.card()) for _ in range(2))
    numbers = {_face()[place : place + 2].tobytes() for place in range(EMBEDDING_SIZE - 1)}
    same = sum(one == other for one, other in zip(first, second, strict=True))
    found = any(number in first for number in numbers) or same > len(first) // 8
    return Attack("the face read out of a card", found, "the face" if found else "noise")


def _face() -> NDArray[np.float32]:
    return np.random.default_rng(_SEED).standard_normal(EMBEDDING_SIZE).astype(np.float32)


def _with_another(text: bytes, place: int) -> bytes:
    other = b"B" if text[place : place + 1] == b"A" else b"A"
    return text[:place] + other + text[place + 1 :]
