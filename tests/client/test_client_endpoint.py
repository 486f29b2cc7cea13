"""Addresses: the scheme decides, then the caller, then the port."""

import pytest

from instantid_client import InvalidInput
from instantid_client._endpoint import Endpoint, Protocol, parse_endpoint


@pytest.mark.parametrize(
    ("url", "protocol", "expected"),
    [
        ("127.0.0.1:8001", None, Endpoint("127.0.0.1:8001", Protocol.GRPC)),
        ("127.0.0.1:8000", None, Endpoint("127.0.0.1:8000", Protocol.HTTP)),
        ("127.0.0.1:8000", "grpc", Endpoint("127.0.0.1:8000", Protocol.GRPC)),
        ("example.org:9", "http", Endpoint("example.org:9", Protocol.HTTP)),
        ("grpc://[::1]:8000", None, Endpoint("[::1]:8000", Protocol.GRPC)),
        ("grpcs://a:443", None, Endpoint("a:443", Protocol.GRPC, tls=True)),
        ("https://a:443/triton", None, Endpoint("a:443/triton", Protocol.HTTP, tls=True)),
    ],
)
def test_url_names_the_endpoint(url: str, protocol: str | None, expected: Endpoint) -> None:
    assert parse_endpoint(url, protocol) == expected


@pytest.mark.parametrize(
    ("url", "protocol", "reason"),
    [
        ("localhost", None, "expected host:port"),
        (":8001", None, "expected host:port"),
        ("a:99999", None, "expected host:port"),
        ("ftp://a:1", None, "got 'ftp'"),
        ("http://a:1", "grpc", "grpc contradicts"),
        ("a:1", "smtp", "expected grpc or http, got 'smtp'"),
    ],
)
def test_url_that_names_none_is_refused(url: str, protocol: str | None, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        parse_endpoint(url, protocol)
