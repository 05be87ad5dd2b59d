import ipaddress

import pytest
from starlette.types import Scope

from app.web.http.client_address import (
    came_by_tls,
    client_bucket,
    is_trusted_peer,
    peer_bucket,
)

PROXIES = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8:ffff::/48"))


def scope(peer: str | None, *forwarded: str) -> Scope:
    return {
        "type": "http",
        "client": None if peer is None else (peer, 4711),
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }


@pytest.mark.parametrize(
    ("peer", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::1", "::/64"),
        (None, "unknown"),
        ("a socket's path", "unknown"),
    ],
)
def test_a_peer_is_counted_by_its_address_or_its_network(peer: str | None, bucket: str) -> None:
    assert client_bucket(scope(peer), PROXIES) == bucket


@pytest.mark.parametrize("forwarded", ["198.51.100.7", "10.0.0.1", "nonsense", ""])
def test_what_a_stranger_says_of_himself_is_not_read(forwarded: str) -> None:
    assert client_bucket(scope("192.0.2.1", forwarded), PROXIES) == "192.0.2.1"
    assert client_bucket(scope("10.0.0.1", forwarded), ()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("forwarded", "bucket"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4, 198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        (["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4", "198.51.100.7,10.9.9.9"], "198.51.100.7"),
        (["2001:db8:1:2::9"], "2001:db8:1:2::/64"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7, 2001:db8:ffff::1"], "198.51.100.7"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["198.51.100.7, nonsense"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed_from_the_end_and_as_far_as_trust_goes(
    forwarded: list[str], bucket: str
) -> None:
    assert client_bucket(scope("10.0.0.1", *forwarded), PROXIES) == bucket
    assert client_bucket(scope("::ffff:10.0.0.1", *forwarded), PROXIES) == bucket


@pytest.mark.parametrize(
    ("peer", "bucket", "is_ours"),
    [
        ("192.0.2.1", "192.0.2.1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("2001:db8:ffff::7", "2001:db8:ffff::/64", True),
        ("/run/a.sock", "unknown", False),
    ],
)
def test_a_connection_is_counted_by_its_peer_alone(
    peer: str, bucket: str, *, is_ours: bool
) -> None:
    assert peer_bucket(peer) == bucket
    assert is_trusted_peer(peer, PROXIES) is is_ours


@pytest.mark.parametrize(
    ("peer", "told", "is_tls"),
    [
        ("10.0.0.1", ["https"], True),
        ("10.0.0.1", ["HTTPS"], True),
        ("10.0.0.1", ["https, http"], True),
        ("10.0.0.1", ["http", "https"], True),
        ("10.0.0.1", ["http"], False),
        ("10.0.0.1", [""], False),
        ("10.0.0.1", ["nohttps"], False),
        ("10.0.0.1", [], False),
        ("192.0.2.1", ["https"], False),
        (None, ["https"], False),
    ],
)
def test_only_a_trusted_proxy_is_believed_that_a_client_came_by_tls(
    peer: str | None, told: list[str], *, is_tls: bool
) -> None:
    asked = scope(peer)
    asked["headers"] = [(b"x-forwarded-proto", each.encode()) for each in told]

    assert came_by_tls(asked, PROXIES) == is_tls


def test_a_connection_with_tls_of_its_own_came_by_tls() -> None:
    asked = scope("192.0.2.1")
    asked["scheme"] = "https"

    assert came_by_tls(asked, ())
