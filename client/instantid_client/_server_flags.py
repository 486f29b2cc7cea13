"""The flags that say which server a command talks to, and how long it waits for it."""

import argparse
from pathlib import Path

from instantid_client._client import AsyncClient
from instantid_client._endpoint import DEFAULT_URL, Protocol
from instantid_client._transport import AsyncTransport


def add_server_flags(parser: argparse.ArgumentParser, timeout_s: float) -> None:
    """Add the flags of a command that asks Triton."""
    parser.add_argument(
        "--url", default=DEFAULT_URL, help="host:port, or with a scheme (default: %(default)s)"
    )
    parser.add_argument(
        "--protocol",
        choices=[str(protocol) for protocol in Protocol],
        help="(default: the url's scheme; else http on port 8000, grpc on others)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=timeout_s,
        metavar="SECONDS",
        help="for each request (default: %(default)g)",
    )
    parser.add_argument(
        "--api-key",
        type=_first_line,
        metavar="FILE",
        help="with the key or token that a gateway asks for; needs grpcs:// or https://",
    )
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read") from error


def add_tenant_flag(parser: argparse.ArgumentParser) -> None:
    """Add the flag of a command that sends requests on somebody's behalf."""
    parser.add_argument("--tenant", metavar="NAME", help="on whose behalf")


def client_of(
    arguments: argparse.Namespace,
    transport: AsyncTransport | None,
    *,
    tenant: str | None = None,
    retries: int = 0,
) -> AsyncClient:
    """Return the client that the flags ask for."""
    return AsyncClient(
        arguments.url,
        protocol=arguments.protocol,
        timeout_s=arguments.timeout,
        tenant=tenant,
        retries=retries,
        api_key=arguments.api_key,
        transport=transport,
    )
