import ipaddress

import pytest

from app.domain.notifications.addresses import is_forbidden, is_forbidden_host


@pytest.mark.parametrize(
    "text",
    [
        "169.254.169.254",
        "169.254.0.1",
        "0.0.0.0",  # noqa: S104 nobody listens there
        "224.0.0.1",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "::",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::23",
        "fd00:ec2::254",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ],
)
def test_metadata_link_local_and_no_single_host_are_forbidden(text: str) -> None:
    assert is_forbidden(ipaddress.ip_address(text))
    assert is_forbidden_host(f"[{text}]" if ":" in text else text)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "10.0.0.7",
        "192.168.1.9",
        "100.64.0.1",
        "93.184.216.34",
        "::1",
        "fd00::1",
        "2606:2800:220:1::1",
        "64:ff9b::5db8:d822",
        "64:ff9b::6464:64c9",  # beside a metadata service
        "100.100.100.201",
        "::ffff:10.0.0.7",
    ],
)
def test_a_host_of_ones_own_or_of_the_internet_is_not(text: str) -> None:
    assert not is_forbidden(ipaddress.ip_address(text))
    assert not is_forbidden_host(f"[{text}]" if ":" in text else text)


def test_a_name_is_judged_once_its_addresses_are_known() -> None:
    assert not is_forbidden_host("metadata.google.internal")
