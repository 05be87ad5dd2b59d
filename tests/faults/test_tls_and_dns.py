"""What can go wrong before any HTTP is sent over TLS."""

import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trustme

from tests.support.faults.service import Answer, Service, running_service
from tests.support.faults.upstream import Upstream, doing, running_upstream, says_and_leaves, works

TIMEOUT_S = 3.0
MARGIN_S = 30.0
LONG_AGO = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)

OUR_CA = trustme.CA()
CERTIFICATES: dict[str, Callable[[], trustme.LeafCert]] = {
    "of another name": lambda: OUR_CA.issue_cert("elsewhere.example"),
    "of a CA that nobody knows": lambda: trustme.CA().issue_cert("127.0.0.1"),
    "that is no longer valid": lambda: OUR_CA.issue_cert(
        "127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + dt.timedelta(days=1)
    ),
}


def tls(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture(scope="module")
async def upstream() -> AsyncIterator[Upstream]:
    async with running_upstream(tls(OUR_CA.issue_cert("127.0.0.1"))) as upstream:
        yield upstream


@pytest.fixture(scope="module")
async def service(
    upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service whose machine trusts one CA."""
    folder = tmp_path_factory.mktemp("service")
    OUR_CA.cert_pem.write_to_path(str(folder / "ca.pem"))
    async with running_service(
        folder,
        altan_pay_url=f"https://127.0.0.1:{upstream.port}",
        timeout_s=TIMEOUT_S,
        SSL_CERT_FILE=str(folder / "ca.pem"),
    ) as service:
        yield service


async def assert_unavailable(service: Service, answered: Answer, reason: str) -> None:
    assert (answered.status, answered.code) == (503, "altan_pay_unavailable")
    assert "retry-after" in answered.headers
    assert answered.seconds < TIMEOUT_S + MARGIN_S
    *calls, end = await service.lines_of(answered.request_id)
    assert [(line["event"], line["reason"]) for line in calls] == [
        ("altan_pay_call_failed", reason)
    ] * 3
    assert (end["event"], end["status"], end["code"]) == ("request", 503, answered.code)


async def test_a_good_certificate_is_trusted(service: Service) -> None:
    assert (await service.buy()).status == 200


@pytest.mark.parametrize("name", CERTIFICATES)
async def test_a_wrong_certificate_is_reported_by_name_and_gets_no_cart(
    service: Service, upstream: Upstream, name: str
) -> None:
    await upstream.stop()
    await upstream.start(tls(CERTIFICATES[name]()))
    calls_before = upstream.calls

    answered = await service.buy()
    await upstream.stop()
    await upstream.start(tls(OUR_CA.issue_cert("127.0.0.1")))

    await assert_unavailable(service, answered, "ClientConnectorCertificateError")
    assert upstream.calls == calls_before
    assert [(await service.buy()).status for _ in range(2)] == [200, 200]


async def test_an_upstream_without_tls_is_sent_no_cart(
    service: Service, upstream: Upstream
) -> None:
    speaks_http = says_and_leaves(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await upstream.stop()
    await upstream.start()
    calls_before = upstream.calls

    async with doing(upstream, works, on_connect=speaks_http):
        answered = await service.buy()
    await upstream.stop()
    await upstream.start(tls(OUR_CA.issue_cert("127.0.0.1")))

    await assert_unavailable(service, answered, "ClientConnectorSSLError")
    assert upstream.calls == calls_before
    assert [(await service.buy()).status for _ in range(2)] == [200, 200]


async def test_a_name_that_does_not_resolve_is_reported_as_such(tmp_path: Path) -> None:
    url = "https://altan-pay.invalid"  # RFC 6761: nobody ever has it
    async with running_service(tmp_path, altan_pay_url=url, timeout_s=TIMEOUT_S) as service:
        answered = await service.buy()

        await assert_unavailable(service, answered, "ClientConnectorDNSError")
        name = "altan_checkout_altan_pay_calls_total"
        assert await service.metric(name, result="altan_pay_unavailable") == 3
