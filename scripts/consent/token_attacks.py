"""Attacks on consent tokens: stolen, forged, edited, outlived, and used for somebody else."""

import hashlib
import hmac
import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

import numpy as np
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from numpy.typing import NDArray

from instantid_server.trust.consent.gate import Consent
from instantid_server.trust.consent.issuer_key import IssuerKey
from instantid_server.trust.consent.issuing import issue, photo_digest
from instantid_server.trust.consent.revocations import extend_list
from instantid_server.trust.consent.template import Templates, tenant_label
from instantid_server.trust.policy import ConsentPolicy
from scripts.consent.attack import Attack, attempt
from scripts.consent.token_target import (
    ANOTHER_PHOTO,
    MAX_DAYS,
    NOW,
    PHOTO,
    TENANT,
    Target,
    encoded_part,
)

_MEASURED = 200
_PHOTO_BYTES = 200_000  # of a usual photo, which is hashed
_SEED = 7

Attempts = Iterator[tuple[str, Callable[[], object]]]  # each is tried before the next is made


def attacks() -> list[Attack]:
    """Try them all against gates of the default policy, unless an attack is about another one."""
    with tempfile.TemporaryDirectory(prefix="consent-") as folder:
        return [
            attempt(name, act)
            for kind in (_stolen, _forged, _outlived, _of_somebody_else, _revoked)
            for name, act in kind(Path(folder) / kind.__name__)
        ]


def measure() -> dict[str, float]:
    """Return what a good token costs a request, a list of revocations included."""
    photo = np.random.default_rng(_SEED).bytes(_PHOTO_BYTES)
    with tempfile.TemporaryDirectory(prefix="consent-") as name:
        folder = Path(name)
        target = Target(folder / "keys", ConsentPolicy(revocations=str(folder / "list")))
        extend_list(folder / "list", [], target.issuer, NOW)
        token = target.token(photo_digests=[photo_digest(photo)])
        times = []
        for _ in range(_MEASURED):
            started = perf_counter()
            target.use(token, photo)
            times.append(1000 * (perf_counter() - started))
    return {"token_ms": statistics.median(times)}


def _stolen(folder: Path) -> Attempts:
    target = Target(folder)
    token = target.token()
    yield "no token", lambda: target.gate.check(None, PHOTO, TENANT)
    yield "a token stolen by another tenant", lambda: target.use(token, tenant="thief")
    yield "a token used without saying who asks", lambda: target.use(token, tenant="")
    elsewhere = target.token(audience="another-deployment")
    yield "a token of another deployment", lambda: target.use(elsewhere)
    archive = target.token(scope="archive")
    yield "a token for another purpose", lambda: target.use(archive)


def _forged(folder: Path) -> Attempts:
    target = Target(folder)
    claims, public = target.claims(), target.issuer.private.public_key()
    stranger = IssuerKey.new(target.issuer.name)
    unsigned = _joined(target.header(alg="none"), claims, b"")
    yield "alg none", lambda: target.use(unsigned)
    for name, secret in {
        "raw": public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        "PEM": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }.items():
        confused = _keyed(target.header(alg="HS256"), claims, secret)
        yield f"HS256 with the public key as its secret, {name}", partial(target.use, confused)
    unknown = issue(target.grant(), stranger, NOW)
    yield "an unknown issuer of a known name", lambda: target.use(unknown)
    pretended = _joined(target.header(), claims, stranger.private.sign(b"anything"))
    yield "an unknown issuer under a known key", lambda: target.use(pretended)
    header, _, signature = target.token().split(".")
    edited = ".".join([header, encoded_part({**claims, "max_uses": 10**6}), signature])
    yield "an edited claim", lambda: target.use(edited)
    nameless = target.sign({name: claims[name] for name in claims.keys() - {"jti"}})
    yield "no jti", lambda: target.use(nameless)
    other_type = target.sign(claims, "JWT")
    yield "a token of another type, by the same key", lambda: target.use(other_type)
    nested = _joined(b"[" * 9000, {}, b"")
    yield "a header nested too deep", lambda: target.use(nested)
    huge = target.sign({**claims, "note": "x" * 20_000})
    yield "a token of 27 kB", lambda: target.use(huge)


def _outlived(folder: Path) -> Attempts:
    target = Target(folder)
    early = issue(target.grant(), target.issuer, NOW + timedelta(hours=1))
    yield "a token of tomorrow", lambda: target.use(early)
    endless = target.token(lasts=timedelta(days=MAX_DAYS + 1))
    yield "a token that lasts too long", lambda: target.use(endless)
    never = target.sign({**target.claims(), "exp": float("nan")})
    yield "a token that ends never", lambda: target.use(never)
    token = target.token()

    def at(days: float) -> object:
        target.now = NOW + timedelta(days=days)
        return target.use(token)

    yield "an expired token", lambda: at(8)
    yield "an expired token, and the clock moved back", lambda: at(6)


def _of_somebody_else(folder: Path) -> Attempts:
    target = Target(folder)
    one = target.token()
    other = target.token(photo_digests=[photo_digest(ANOTHER_PHOTO)], subject="person-2")
    yield "another photo", lambda: target.use(one, ANOTHER_PHOTO)
    yield "the same photos swapped", lambda: target.use(other, PHOTO)
    yield "a photo with a byte behind it", lambda: target.use(one, PHOTO + b"\0")
    yield "a raw embedding", lambda: target.gate.check(one.encode(), None, TENANT)

    first, second = np.random.default_rng(_SEED).standard_normal((2, 512)).astype(np.float32)
    template = Templates(target.keys.template).make(first, tenant_label(TENANT)).to_text()
    faced = target.token(templates=[template])
    yield "a morphed pair under a token of a photo", lambda: target.use(one, b"a morphed photo")
    yield "a morphed pair under a template, by default", lambda: target.use(faced, b"a morph")
    trusting = Target(folder, ConsentPolicy(templates=True))
    face_token = trusting.token(templates=[template], photo_digests=[])

    def face(embedding: NDArray[np.float32]) -> None:
        trusting.gate.check_face(trusting.use(face_token, b"another photo"), embedding)

    face(first)  # the person's own face has to pass, or what follows would prove nothing
    yield "another face under a template", lambda: face(second)
    strict = Target(folder, ConsentPolicy(self_attested=False))
    attested = issue(strict.grant(lasts=timedelta(hours=1)), strict.attester, NOW)
    yield "a self-attested token where only verified ones count", lambda: strict.use(attested)
    boastful = issue(target.grant(), target.attester, NOW)
    yield "a self-attested token of a week", lambda: target.use(boastful)


def _revoked(folder: Path) -> Attempts:
    path = folder.with_suffix(".list")
    target = Target(folder, ConsentPolicy(revocations=str(path)))
    token = target.token()
    yield "the list of revocations taken away", lambda: target.use(token)

    def after(revoked: list[str], key: IssuerKey, hours_ago: float = 0) -> Consent:
        path.unlink(missing_ok=True)
        extend_list(path, revoked, key, NOW - timedelta(hours=hours_ago))
        return target.use(token)

    yield "a list by nobody", lambda: after([], IssuerKey.new("studio"))
    yield "a list by a self-attester", lambda: after([], target.attester)
    yield "a stale list", lambda: after([], target.issuer, hours_ago=25)
    yield "a list of tomorrow", lambda: after([], target.issuer, hours_ago=-24)
    consent_id = after([], target.issuer).consent_id  # a good token has to pass
    yield "a consent that was taken back", lambda: after([consent_id], target.issuer)
    yield "a person who took everything back", lambda: after(["person-1"], target.issuer)
    yield "the list of an hour ago put in its place", lambda: after([], target.issuer, 1)
    after([], target.issuer)
    _flip_a_byte(path)
    yield "a list with a byte changed", lambda: target.use(token)


def _flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def _joined(
    header: Mapping[str, object] | bytes, claims: Mapping[str, object], signature: bytes
) -> str:
    return ".".join(map(encoded_part, (header, claims, signature)))


def _keyed(header: Mapping[str, object], claims: Mapping[str, object], secret: bytes) -> str:
    signed = f"{encoded_part(header)}.{encoded_part(claims)}"
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encoded_part(signature)}"
