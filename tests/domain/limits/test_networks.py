import ipaddress

import pytest

from app.domain.ids import UNKNOWN_BUCKET
from app.domain.limits.networks import bucket_of, household_of, networks_of


@pytest.mark.parametrize(
    ("address", "bucket"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_64(address: str, bucket: str) -> None:
    assert bucket_of(ipaddress.ip_address(address)) == bucket


@pytest.mark.parametrize(
    ("bucket", "networks"),
    [
        ("192.0.2.1", ("192.0.2.1", "192.0.2.0/24")),
        (
            "2001:db8:1:2ff::/64",
            ("2001:db8:1:2ff::/64", "2001:db8:1:200::/56", "2001:db8:1::/48"),
        ),
        (UNKNOWN_BUCKET, (UNKNOWN_BUCKET,)),
    ],
)
def test_the_networks_around_a_client_grow(bucket: str, networks: tuple[str, ...]) -> None:
    assert networks_of(bucket) == networks


@pytest.mark.parametrize(
    ("bucket", "household"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2ff::/64", "2001:db8:1:200::/56"),
        (UNKNOWN_BUCKET, UNKNOWN_BUCKET),
    ],
)
def test_a_household_is_an_address_or_a_56(bucket: str, household: str) -> None:
    assert household_of(bucket) == household
