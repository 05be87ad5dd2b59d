"""Every httpx error becomes one of ours."""

import re
from collections.abc import Mapping

import httpx
import pytest

from app.adapters.altan_pay.client import (
    AltanPayAccount,
    failure_of,
)
from app.adapters.altan_pay.failures import UnreachableError
from app.domain.errors import (
    AltanPayMalformedError,
    AltanPayMisconfiguredError,
    AltanPayTimeoutError,
    AltanPayUnavailableError,
    ServiceFailedError,
)
from tests.support.altan_pay_calls import (
    ORDER,
    PRIVATE_WORD,
    altan_pay,
    assert_publishable,
    failure_after,
)
from tests.support.wire import (
    answer,
)

UNAVAILABLE, MALFORMED = AltanPayUnavailableError, AltanPayMalformedError

MISCONFIGURED, TIMEOUT = AltanPayMisconfiguredError, AltanPayTimeoutError

BY_HTTPX_ERROR: Mapping[str, type[ServiceFailedError]] = {
    "HTTPError": UNAVAILABLE,
    "HTTPStatusError": UNAVAILABLE,
    "RequestError": UNAVAILABLE,
    "TransportError": UNAVAILABLE,
    "NetworkError": UNAVAILABLE,
    "ConnectError": UnreachableError,
    "ReadError": UNAVAILABLE,
    "WriteError": UNAVAILABLE,
    "CloseError": UNAVAILABLE,
    "ProxyError": UNAVAILABLE,
    "PoolTimeout": UNAVAILABLE,
    "TimeoutException": TIMEOUT,
    "ConnectTimeout": TIMEOUT,
    "ReadTimeout": TIMEOUT,
    "WriteTimeout": TIMEOUT,
    "UnsupportedProtocol": MISCONFIGURED,
    "ProtocolError": UNAVAILABLE,
    "LocalProtocolError": MISCONFIGURED,
    "TooManyRedirects": MISCONFIGURED,
    "InvalidURL": MISCONFIGURED,
    "RemoteProtocolError": MALFORMED,
    "DecodingError": MALFORMED,
    "CookieConflict": MALFORMED,
    "StreamError": MALFORMED,
    "StreamClosed": MALFORMED,
    "StreamConsumed": MALFORMED,
    "ResponseNotRead": MALFORMED,
    "RequestNotRead": MALFORMED,
}


def httpx_errors() -> list[type[Exception]]:
    public = (getattr(httpx, name) for name in httpx.__all__)
    return [value for value in public if isinstance(value, type) and issubclass(value, Exception)]


def test_the_table_above_names_every_error_that_httpx_has() -> None:
    assert {kind.__name__ for kind in httpx_errors()} == set(BY_HTTPX_ERROR)


@pytest.mark.parametrize("kind", httpx_errors(), ids=lambda kind: kind.__name__)
async def test_every_error_that_httpx_has_becomes_one_of_ours(kind: type[Exception]) -> None:
    def raise_it(_: httpx.Request) -> httpx.Response:
        error = kind.__new__(kind)
        Exception.__init__(error, PRIVATE_WORD)
        raise error

    raising = httpx.MockTransport(raise_it)
    async with altan_pay("https://pay.altan.example", transport=raising) as pages:
        with pytest.raises(ServiceFailedError) as caught:
            await pages.create(ORDER)

    assert type(caught.value) is BY_HTTPX_ERROR[kind.__name__] is failure_of(kind)
    assert_publishable(caught.value)


async def test_the_reason_is_reported_in_plain_words() -> None:
    reasons = [
        getattr(await failure_after(answer(b"", status="503 No")), "reason", ""),
        getattr(await failure_after(answer(b"{}")), "reason", ""),
    ]

    assert reasons == [
        "Altan Pay answered 503",
        "the answer has no url",
    ]


def test_the_address_is_made_of_the_base_and_both_ids() -> None:
    account = AltanPayAccount(
        url="https://pay.altan.ai", account_id="a b", stripe_connect_id="acct_1&x=y"
    )

    url = account.checkout_session_url()

    assert re.fullmatch(r"[!-~]+", url)
    assert url == (
        "https://pay.altan.ai/v2/connect/checkout/a%20b/create_checkout_session"
        "?stripe_connect_id=acct_1%26x%3Dy"
    )
