"""Requests to Stripe, and how its lists are read."""

import asyncio
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.adapters.stripe_api.client import StripeAccess
from app.adapters.stripe_api.pace import CALLS_PER_S, Pace
from app.domain.stripe_events.registered import API_VERSION
from app.usecases.stripe_reads import StripeMalformedError, StripeObjectMissingError
from tests.support.stripe_api_calls import ACCOUNT, KEY, listed, page, says_json, stripe_api
from tests.support.wire import answer, upstream


async def test_a_call_carries_the_key_the_version_and_nothing_else() -> None:
    async with upstream(says_json({"id": "ch_1"})) as server, stripe_api(server.url) as api:
        charge = await api.read("charge", "ch_1")

    (request,) = server.requests
    assert charge == {"id": "ch_1"}
    assert request.line == "GET /v1/charges/ch_1 HTTP/1.1"
    assert request.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {KEY}",
        "stripe-version": API_VERSION,
        "user-agent": "altan-checkout/1.2.3",
    }


async def test_a_platforms_key_names_the_connected_account() -> None:
    async with (
        upstream(says_json({"id": "ch_1"})) as server,
        stripe_api(server.url, account=ACCOUNT) as api,
    ):
        await api.read("charge", "ch_1")

    assert server.requests[0].headers["stripe-account"] == ACCOUNT


def test_the_key_does_not_show_where_access_is_printed() -> None:
    assert KEY not in repr(StripeAccess(url="https://api.stripe.com", key=KEY))


@pytest.mark.parametrize(
    ("object_type", "path"),
    [
        ("charge", "/v1/charges/x_1"),
        ("dispute", "/v1/disputes/x_1"),
        ("invoice", "/v1/invoices/x_1"),
        ("payment_intent", "/v1/payment_intents/x_1"),
        ("refund", "/v1/refunds/x_1"),
        ("subscription", "/v1/subscriptions/x_1"),
        (
            "checkout.session",
            "/v1/checkout/sessions/x_1?expand%5B%5D=payment_intent.latest_charge",
        ),
    ],
)
async def test_each_kind_of_object_has_its_address(object_type: str, path: str) -> None:
    async with upstream(says_json({"id": "x_1"})) as server, stripe_api(server.url) as api:
        await api.read(object_type, "x_1")

    assert server.requests[0].line == f"GET {path} HTTP/1.1"


async def test_an_id_stays_one_part_of_the_path() -> None:
    async with upstream(says_json({"id": "x"})) as server, stripe_api(server.url) as api:
        await api.read("charge", "../x?y=1")

    assert server.requests[0].line == "GET /v1/charges/..%2Fx%3Fy%3D1 HTTP/1.1"


async def test_what_has_no_address_is_missing_without_a_call() -> None:
    async with upstream(says_json({})) as server, stripe_api(server.url) as api:
        with pytest.raises(StripeObjectMissingError):
            await api.read("payout", "po_1")

    assert server.requests == []


async def test_the_list_of_events_is_asked_for_by_time_type_and_delivery() -> None:
    ids, (url,) = await listed(page("evt_2", "evt_1"))

    assert ids == ["evt_1", "evt_2"]
    assert parse_qsl(urlsplit(url).query) == [
        ("created[gte]", "7"),
        ("types[]", "invoice.paid"),
        ("delivery_success", "false"),
        ("limit", "100"),
    ]


async def test_delivered_events_can_be_listed_too() -> None:
    async with upstream(page()) as server, stripe_api(server.url) as api:
        found = [each async for each in api.events([], since_s=0, only_undelivered=False)]

    assert found == []
    assert "delivery_success" not in server.requests[0].line


async def test_many_pages_come_oldest_first_and_with_what_came_meanwhile() -> None:
    ids, urls = await listed(
        page("evt_5", "evt_4", has_more=True),
        page("evt_3", "evt_2", has_more=True),
        page("evt_1"),
        page("evt_3", "evt_2", has_more=True),
        page("evt_5", "evt_4", has_more=True),
        page("evt_6"),
    )

    assert ids == [f"evt_{number}" for number in range(1, 7)]
    assert [parse_qsl(urlsplit(url).query)[4:] for url in urls] == [
        [],
        [("starting_after", "evt_4")],
        [("starting_after", "evt_2")],
        [("ending_before", "evt_1")],
        [("ending_before", "evt_3")],
        [("ending_before", "evt_5")],
    ]


async def test_a_last_page_that_is_empty_ends_the_walk_there() -> None:
    ids, _ = await listed(
        page("evt_3", "evt_2", has_more=True), page(), page("evt_4"), page("evt_9")
    )

    assert ids == ["evt_2", "evt_3", "evt_4"]


async def test_pages_end_where_nothing_newer_is_left() -> None:
    ids, _ = await listed(page("evt_2", has_more=True), page("evt_1"), page("evt_2"), page())

    assert ids == ["evt_1", "evt_2"]


@pytest.mark.parametrize(
    "pages",
    [
        [page("evt_1", has_more=True)],
        [page("evt_2", has_more=True), page("evt_1"), page("evt_1", has_more=True)],
        [page(has_more=True)],
    ],
    ids=["downwards", "upwards", "of nothing"],
)
async def test_a_page_that_repeats_is_an_error_and_not_forever(pages: list[bytes]) -> None:
    with pytest.raises(StripeMalformedError):
        await listed(*pages)


async def test_line_items_come_in_stripes_order_from_all_pages() -> None:
    pages = page("li_1", "li_2", has_more=True), page("li_3")
    async with upstream(*pages) as server, stripe_api(server.url) as api:
        items = await api.line_items("cs_test_1")

    assert [item["id"] for item in items] == ["li_1", "li_2", "li_3"]
    assert [request.line.split(" ")[1] for request in server.requests] == [
        "/v1/checkout/sessions/cs_test_1/line_items?limit=100",
        "/v1/checkout/sessions/cs_test_1/line_items?limit=100&starting_after=li_2",
    ]


async def test_text_that_was_cut_within_a_character_is_read() -> None:
    body = answer(b'{"id": "ch_1", "description": "\\ud83d"}')
    async with upstream(body) as server, stripe_api(server.url) as api:
        charge = await api.read("charge", "ch_1")

    assert charge == {"id": "ch_1", "description": "\ud83d"}


async def test_calls_are_spaced_out() -> None:
    loop = asyncio.get_running_loop()
    pace = Pace(50)
    began = loop.time()

    await asyncio.gather(*(pace.turn() for _ in range(6)))

    assert loop.time() - began >= 5 / 50
    assert CALLS_PER_S <= 25 / 2
