"""What a client shows to the gateway in front of a server."""

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instantid_client import AsyncClient, Client, InvalidInput
from instantid_client._endpoint import Endpoint, Protocol, parse_endpoint
from instantid_client._server_flags import add_server_flags
from instantid_client._transport_http import AsyncHttpTransport, HttpTransport
from tests.gateway.fake_triton_ports import FakePorts, fake_triton_ports

PATIENCE_S = 20.0


@pytest.fixture
def ports() -> Iterator[FakePorts]:
    with fake_triton_ports() as running:
        yield running


def endpoint(ports: FakePorts, api_key: str | None) -> Endpoint:
    return Endpoint(f"127.0.0.1:{ports.http}", Protocol.HTTP, api_key=api_key)


@pytest.mark.parametrize("api_key", ["secret", None])
def test_http_request_shows_the_key(api_key: str | None, ports: FakePorts) -> None:
    HttpTransport(endpoint(ports, api_key)).server_version(timeout_s=PATIENCE_S)
    asynchronous = AsyncHttpTransport(endpoint(ports, api_key))
    asyncio.run(asynchronous.server_version(timeout_s=PATIENCE_S))
    shown = [headers.get("authorization") for headers in ports.headers_seen]
    assert shown == [api_key and f"Bearer {api_key}"] * 2


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["127.0.0.1:8001", "grpc://a:1", "http://a:1"])
def test_key_is_not_sent_without_tls(client: Any, url: str) -> None:
    with pytest.raises(InvalidInput, match="api_key: expected a url with grpcs or https"):
        client(url, api_key="secret")


def test_key_is_not_in_what_a_log_would_show() -> None:
    assert "secret" not in repr(parse_endpoint("grpcs://a:443").with_key("secret"))


def test_command_line_reads_the_key_from_a_file(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_server_flags(parser, timeout_s=1.0)
    path = tmp_path / "api.key"
    path.write_text("secret\n")
    assert parser.parse_args(["--api-key", str(path)]).api_key == "secret"
    assert parser.parse_args([]).api_key is None


def test_command_line_refuses_a_file_that_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = argparse.ArgumentParser()
    add_server_flags(parser, timeout_s=1.0)
    with pytest.raises(SystemExit):
        parser.parse_args(["--api-key", "missing.key"])
    assert "missing.key cannot be read" in capsys.readouterr().err
