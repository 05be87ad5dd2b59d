"""Which certificates the client trusts."""

import ssl

import pytest
import trustme

from app.adapters.altan_pay.failures import UnreachableError
from app.adapters.http_transport import AiohttpTransport
from app.domain.errors import (
    AltanPayUnavailableError,
)
from tests.support.altan_pay_calls import GOOD, ORDER, PAGE, altan_pay, assert_publishable, failure
from tests.support.wire import (
    upstream,
)


def transport_that_trusts(authority: trustme.CA) -> AiohttpTransport:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return AiohttpTransport(context)


def server_tls(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, for a handshake that failed
async def test_a_certificate_from_nobody_we_trust_ends_the_call(authority: trustme.CA) -> None:
    async with upstream(GOOD, tls=server_tls(authority, "127.0.0.1")) as server:
        error = await failure(server.url)

    assert type(error) is UnreachableError
    assert server.requests == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_a_certificate_for_another_host_ends_the_call(authority: trustme.CA) -> None:
    async with (
        upstream(GOOD, tls=server_tls(authority, "pay.altan.example")) as server,
        altan_pay(server.url, transport=transport_that_trusts(authority)) as pages,
    ):
        with pytest.raises(AltanPayUnavailableError) as caught:
            await pages.create(ORDER)

    assert_publishable(caught.value)
    assert server.requests == []


async def test_a_trusted_certificate_lets_the_cart_pass(authority: trustme.CA) -> None:
    async with (
        upstream(GOOD, tls=server_tls(authority, "127.0.0.1")) as server,
        altan_pay(server.url, transport=transport_that_trusts(authority)) as pages,
    ):
        page = await pages.create(ORDER)

    assert page.url == PAGE
