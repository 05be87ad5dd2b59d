"""How webhook endpoints are listed and created at Stripe."""

from urllib.parse import parse_qsl

import pytest

from app.adapters.stripe_api.endpoints import StripeEndpoints
from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES
from app.usecases.stripe_reads import StripeKeyRefusedError, StripeMalformedError
from tests.support.stripe_api_calls import ACCOUNT, KEY, PRIVATE_WORD, page, says_json, stripe_api
from tests.support.wire import Script, upstream

URL = "https://checkout.shop.example/webhooks/stripe"
CREATED = says_json({"id": "we_1", "secret": "whsec_1"})


async def test_all_pages_are_listed() -> None:
    pages = page("we_3", "we_2", has_more=True), page("we_1")
    async with upstream(*pages) as server, stripe_api(server.url) as api:
        found = await StripeEndpoints(api.client).listed()

    assert [each.id for each in found] == ["we_3", "we_2", "we_1"]
    assert server.requests[1].line == (
        "GET /v1/webhook_endpoints?limit=100&starting_after=we_2 HTTP/1.1"
    )


@pytest.mark.parametrize("connect", [True, False])
async def test_one_is_created_with_one_form(*, connect: bool) -> None:
    async with upstream(CREATED) as server, stripe_api(server.url, account=ACCOUNT) as api:
        created = await StripeEndpoints(api.client).create(URL, of_connected_accounts=connect)

    (request,) = server.requests
    assert created == ("we_1", "whsec_1")
    assert request.line == "POST /v1/webhook_endpoints HTTP/1.1"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["stripe-account"] == ACCOUNT
    assert parse_qsl(request.body.decode()) == [
        ("url", URL),
        ("api_version", API_VERSION),
        ("connect", "true" if connect else "false"),
        ("description", "altan-checkout"),
        *(("enabled_events[]", each) for each in REGISTERED_TYPES),
    ]


@pytest.mark.parametrize("answer", [{"id": "we_1"}, {"secret": "whsec_1"}, {"id": 1, "secret": 2}])
async def test_an_answer_without_a_secret_is_an_error(answer: dict[str, object]) -> None:
    with pytest.raises(StripeMalformedError):
        await create(says_json(answer))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ({"code": "url_invalid", "param": "url"}, " (url_invalid, url)"),
        ({"param": "enabled_events[0]"}, " (enabled_events[0])"),
        ({"code": PRIVATE_WORD.upper(), "param": f"a {PRIVATE_WORD}"}, ""),
        ({"code": 7, "param": None}, ""),
    ],
)
async def test_a_refusal_names_the_parameter_and_nothing_else(
    error: dict[str, object], words: str
) -> None:
    body = {"error": error | {"message": PRIVATE_WORD}}

    with pytest.raises(StripeMalformedError) as caught:
        await create(says_json(body, status="400 Bad Request"))

    assert str(caught.value) == f"Stripe answered 400 to /v1/webhook_endpoints{words}"


async def test_a_missing_right_is_named() -> None:
    body = {"error": {"message": "Having the 'rak_webhook_write' permission would allow"}}

    with pytest.raises(StripeKeyRefusedError, match="rak_webhook_write"):
        await create(says_json(body, status="403 Forbidden"))


async def create(script: Script | bytes) -> object:
    async with upstream(script) as server, stripe_api(server.url) as api:
        return await StripeEndpoints(api.client).create(URL, of_connected_accounts=False)
