"""`instantid consent`: what people allowed, for those who ask them. Needs the `server` extra."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from instantid_client._consent import SUFFIX, read_consent, sidecar_of
from instantid_client._console import Console, UsageError
from instantid_client._server_half import tell_missing_package
from instantid_server.contract import ConsentLevel

if TYPE_CHECKING:
    from instantid_server.trust.consent.issuing import Grant

_FAILED = 1
_DEFAULT_DAYS = 30
_MAX_DAYS = 36_500  # a century; servers take far less
_TIMES = ("iat", "exp")
_LATEST_S = 253_402_300_799  # the end of the year 9999, where calendars here end
_WORDS = {
    "iss": "issuer",
    "sub": "person",
    "jti": "consent",
    "iat": "from",
    "exp": "until",
    "scope": "for",
    "aud": "servers",
    "azp": "tenant",
    "max_uses": "pictures",
    "ref_sha256": "photos",
    "tpl": "faces",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the commands of `consent`."""
    commands = parser.add_subparsers(dest="consent_command", required=True, metavar="COMMAND")
    _add_issue(commands.add_parser("issue", help="sign what a person allows of photos"))

    show = commands.add_parser("show", help="tell what a token allows, and whether it holds here")
    show.add_argument("file", type=Path, metavar="FILE", help="a photo's, or the photo itself")
    show.add_argument(
        "--keys", type=Path, metavar="DIR", help="the server's (default: where `serve` looks)"
    )
    show.add_argument("--policy", type=Path, metavar="FILE", help="the server's TOML page")

    revoke = commands.add_parser(
        "revoke", help="sign a list of what is taken back, or sign it anew"
    )
    revoke.add_argument(
        "revoked", nargs="*", metavar="ID|SUBJECT", help="one consent, or all of a person"
    )
    revoke.add_argument("--list", type=Path, required=True, metavar="FILE", help="to be added to")
    _add_issuer_key(revoke)

    issuer = commands.add_parser("issuer", help="make the key of somebody who vouches for people")
    issuer.add_argument("directory", type=Path, metavar="DIR", help="where both files go")
    issuer.add_argument("name", metavar="NAME")
    issuer.add_argument(
        "--level",
        choices=[str(ConsentLevel.VERIFIED), str(ConsentLevel.SELF_ATTESTED)],
        default=str(ConsentLevel.VERIFIED),
        help="what their word is worth (default: %(default)s)",
    )
    issuer.add_argument(
        "--max-days",
        type=int,
        default=_DEFAULT_DAYS,
        metavar="N",
        help="that a consent may last (default: %(default)s)",
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run one of the commands and return the exit code."""
    commands = {"issue": _issue, "show": _show, "revoke": _revoke, "issuer": _make_issuer}
    try:
        return commands[arguments.consent_command](arguments, console)
    except ModuleNotFoundError as error:
        return tell_missing_package("consent", error, console)


def _add_issue(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("photo", nargs="+", type=Path, metavar="PHOTO", help="one token for all")
    parser.add_argument(
        "--subject", required=True, help="pseudonym of the person: you know whose, the server not"
    )
    parser.add_argument("--issuer", required=True, metavar="NAME", help="as the server knows you")
    _add_issuer_key(parser)
    parser.add_argument(
        "--days", type=float, default=_DEFAULT_DAYS, help="how long (default: %(default)s)"
    )
    parser.add_argument("--uses", type=int, metavar="N", help="pictures (default: any number)")
    parser.add_argument("--scope", help="what the pictures are for (default: portraits)")
    parser.add_argument("--audience", help="which servers (default: instantid)")
    parser.add_argument("--tenant", metavar="NAME", help="who may use it (default: any)")
    parser.add_argument(
        "--template",
        action="append",
        default=[],
        metavar="TEXT",
        help="face_template of `instantid enroll`: allows other photos of the face as well",
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"(default: PHOTO{SUFFIX} for each)"
    )


def _add_issuer_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--issuer-key", type=Path, required=True, metavar="FILE", help="PEM of `consent issuer`"
    )


def _issue(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.consent.issuer_key import IssuerKey
    from instantid_server.trust.consent.issuers import IssuerError
    from instantid_server.trust.consent.issuing import issue

    now = datetime.now(UTC)
    try:
        grant = _read_grant(arguments)
        token = issue(grant, IssuerKey.read(arguments.issuer, arguments.issuer_key), now)
    except IssuerError as error:
        console.tell(str(error))
        return _FAILED
    photos: Sequence[Path] = arguments.photo
    places = [sidecar_of(photo) for photo in photos] if arguments.output is None else None
    for place in places or [arguments.output]:
        place.write_text(f"{token}\n")
        console.answer(f"wrote {place}")
    uses = "any number of" if grant.max_uses is None else grant.max_uses
    console.answer(
        f"{grant.subject} allows {uses} pictures for {grant.scope} from {len(photos)} photos "
        f"until {_minute(now + grant.lasts)}, by "
        + ("anybody" if grant.tenant is None else f"the tenant {grant.tenant}")
    )
    return 0


def _read_grant(arguments: argparse.Namespace) -> "Grant":
    from instantid_server.trust.consent.issuing import Grant, photo_digest

    if not 0 < arguments.days <= _MAX_DAYS:
        raise UsageError(f"--days: expected more than 0 and at most {_MAX_DAYS}")
    if arguments.uses is not None and arguments.uses < 1:
        raise UsageError(f"--uses: expected 1 or more, got {arguments.uses}")
    return Grant(
        subject=arguments.subject,
        photo_digests=[photo_digest(photo.read_bytes()) for photo in arguments.photo],
        templates=arguments.template,
        audience=arguments.audience or Grant.audience,
        scope=arguments.scope or Grant.scope,
        tenant=arguments.tenant,
        max_uses=arguments.uses,
        lasts=timedelta(days=arguments.days),
    )


def _show(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.consent.issuing import photo_digest
    from instantid_server.trust.consent.signed_claims import ClaimsError, read_unverified

    file: Path = arguments.file
    place = sidecar_of(file) if sidecar_of(file).exists() else file
    token = read_consent(place).encode()
    try:
        claims = read_unverified(token)
    except ClaimsError as error:
        console.tell(f"{place}: {error}")
        return _FAILED
    for claim, words in _WORDS.items():
        if claim in claims:
            console.answer(f"{words:10} {_value(claim, claims[claim])}")
    reason = _reason_against(token, arguments)
    console.answer("it holds here" if reason is None else f"it does not hold here: {reason}")
    photo, photos = place.with_suffix(""), claims.get("ref_sha256")
    if photo.is_file() and isinstance(photos, list):
        listed = photo_digest(photo.read_bytes()) in photos
        console.answer(f"{photo.name} is {'' if listed else 'not '}one of the photos")
    return 0 if reason is None else _FAILED


def _value(claim: str, value: object) -> str:
    """Return a claim for a terminal, which nobody has checked yet."""
    if claim in _TIMES and isinstance(value, int) and 0 <= value <= _LATEST_S:
        return _minute(datetime.fromtimestamp(value, UTC))
    return str(len(value)) if isinstance(value, list) else json.dumps(value)


def _reason_against(token: bytes, arguments: argparse.Namespace) -> str | None:
    """Return why a server with these keys and this policy would refuse a token; None: it would not.

    Uses are counted by the server alone.
    """
    from instantid_server.errors import InstantIDError as ServerError
    from instantid_server.trust.consent.gate import ConsentGate
    from instantid_server.trust.keys import Keys, KeysError, default_keys_folder
    from instantid_server.trust.policy import Policy, PolicyError

    try:
        policy = Policy() if arguments.policy is None else Policy.read(arguments.policy)
        keys = Keys.load(arguments.keys or default_keys_folder())
        ConsentGate.load(policy.consent, keys).read(token)
    except (KeysError, PolicyError, ServerError) as error:
        return str(error)
    return None


def _revoke(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.consent.issuer_key import IssuerKey
    from instantid_server.trust.consent.issuers import IssuerError
    from instantid_server.trust.consent.revocations import extend_list
    from instantid_server.trust.consent.signed_claims import ClaimsError

    path: Path = arguments.list
    try:
        key = IssuerKey.read("list", arguments.issuer_key)  # the list names keys, not issuers
        revoked = extend_list(path, arguments.revoked, key, datetime.now(UTC))
    except (IssuerError, ClaimsError) as error:
        console.tell(f"{path}: {error}")
        return _FAILED
    console.answer(f"{path} takes back {len(revoked)} consents and people")
    return 0


def _make_issuer(arguments: argparse.Namespace, console: Console) -> int:
    from instantid_server.trust.consent.issuer_key import IssuerKey
    from instantid_server.trust.consent.issuers import IssuerError
    from instantid_server.trust.private_file import write_private

    name: str = arguments.name
    if "/" in name or arguments.max_days < 1:
        raise UsageError("consent issuer: expected a NAME without /, and at least one day")
    folder: Path = arguments.directory
    try:
        key = IssuerKey.new(name)
        folder.mkdir(parents=True, exist_ok=True)
        write_private(folder / f"{name}.pem", key.to_pem())
    except IssuerError as error:
        console.tell(str(error))
        return _FAILED
    page = folder / f"{name}.toml"
    page.write_text(key.to_page(ConsentLevel(arguments.level), arguments.max_days))
    console.answer(f"made {folder / name}.pem, the key that signs: it stays with you")
    console.answer(f"made {page}; the operator puts it into the folder issuers of the keys folder")
    return 0


def _minute(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
