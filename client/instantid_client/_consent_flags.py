"""The flags of `generate` and `enroll` that say by whose consent a face is drawn."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from instantid_client._consent import read_consent
from instantid_client._console import UsageError
from instantid_client._options import GenerationOptions, ImageSource
from instantid_client._requests import encoded_picture


def add_consent_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags."""
    group = parser.add_argument_group(
        "consent", "Without these, the token in FACE.consent is sent, if there is one."
    )
    whose = group.add_mutually_exclusive_group()
    whose.add_argument("--consent", type=Path, metavar="FILE", help="token for every FACE")
    whose.add_argument(
        "--i-have-consent",
        action="store_true",
        help="say so yourself, for these photos and an hour, if the server's policy allows it",
    )
    group.add_argument(
        "--keys",
        type=Path,
        metavar="DIR",
        help="with --i-have-consent: the server's (default: where `serve` looks)",
    )


def with_consent(options: GenerationOptions, arguments: argparse.Namespace) -> GenerationOptions:
    """Return the options of one request with the token that the flags ask for."""
    token = token_asked_for(options.face_image, arguments)
    return options if token is None else replace(options, consent_token=token)


def token_asked_for(photo: "ImageSource | None", arguments: argparse.Namespace) -> str | None:
    """Return the token that the flags ask for; None: they say nothing."""
    if arguments.consent is not None:
        return read_consent(arguments.consent)
    return _attest(photo, arguments) if arguments.i_have_consent else None


def _attest(photo: "ImageSource | None", arguments: argparse.Namespace) -> str:
    """Return a self-attested token; raises UsageError, or ModuleNotFoundError without the extra."""
    from instantid_server.trust.consent.issuers import IssuerError
    from instantid_server.trust.consent.issuing import attest
    from instantid_server.trust.keys import default_keys_folder

    if photo is None:
        raise UsageError("--i-have-consent: it is about a photo; give one as FACE")
    encoded = encoded_picture("face_image", photo)
    folder = arguments.keys or default_keys_folder()
    try:
        return attest(encoded, folder, arguments.tenant, datetime.now(UTC))
    except FileNotFoundError as error:
        raise UsageError(
            f"--i-have-consent: {folder} has no key to attest with; `instantid serve` and "
            "`instantid keys init` make one, `instantid keys upgrade` adds one"
        ) from error
    except IssuerError as error:
        raise UsageError(f"--i-have-consent: {error}") from error
