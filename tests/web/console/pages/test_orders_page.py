"""The list of orders, its filters, and the search."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, Document, event, session
from tests.support.console import ConsoleShop, console_shop, form_named, text_of
from tests.support.stripe_objects import dispute

pytestmark = pytest.mark.anyio

BUYER = {"email": "Ann@Example.com", "name": "Ann Lee"}


def paid(number: int, **changes: object) -> Document:
    """Return an event of another paid session, a second later than that before."""
    values = {
        "id": f"cs_test_n{number:02}",
        "payment_intent": f"pi_n{number:02}",
        "created": 1_760_000_000 + number,
    }
    return event(id=f"evt_n{number:02}", subject=session(**values | changes))


async def listed(console: ConsoleShop, **query: str) -> str:
    """Return the text of the results."""
    html = await console.operator.see("/console", **query)
    results = html.partition('aria-label="Results"')[2]
    return text_of(f"</style>{results}")


async def test_the_latest_orders_come_first_with_what_an_operator_looks_for(
    database_path: Path,
) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(
            paid(1, client_reference_id="order-1", customer_details=BUYER),
            paid(2, amount_total=500, currency="jpy"),
        )
        shown = await listed(console)

    assert shown.index("cs_test_n02") < shown.index("order-1")
    assert "¥500" in shown
    assert "€19.99" in shown
    assert "Ann Lee Ann@Example.com" in shown
    assert "9 Oct 2025, 08:53:21 UTC" in shown


async def test_there_may_be_no_order_yet(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        assert "There are no orders yet." in await listed(console)
        assert "No order matches." in await listed(console, status="paid")


async def test_orders_are_filtered_by_status_and_flags(database_path: Path) -> None:
    expired = session(id="cs_test_late", payment_intent=None, payment_status="unpaid")
    async with console_shop(database_path) as console:
        await console.shop.tell(
            event(),
            event("charge.dispute.created", dispute(), id="evt_2"),
            event("checkout.session.expired", expired, id="evt_3"),
        )
        by_status = await listed(console, status="expired", flagged="")
        flagged = await listed(console, status="", flagged="true")
        unflagged = await listed(console, flagged="false")

    assert ("cs_test_late" in by_status, SESSION_ID in by_status) == (True, False)
    assert ("cs_test_late" in flagged, SESSION_ID in flagged) == (False, True)
    assert ("cs_test_late" in unflagged, SESSION_ID in unflagged) == (True, False)


async def test_pages_follow_each_other(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(*(paid(number) for number in range(51)))
        first = await console.operator.see("/console", status="paid")
        older = first.partition(">Older<")[0].rpartition('href="')[2].rstrip('"')
        second = await console.operator.see(f"/{older.replace('&amp;', '&')}")

    assert "cs_test_n50" in first
    assert "cs_test_n00" not in first
    assert "cs_test_n00" in second
    assert "cs_test_n01" not in second
    assert "Newest" in second
    assert "Older" not in second


async def test_a_wrong_filter_is_a_page_that_names_it(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        answer = await console.shop.service.client.get("/console?status=lost")

    assert answer.status_code == 422
    assert "status must be one of" in text_of(answer.text)


@pytest.mark.parametrize(
    ("term", "as_what"),
    [
        ("order-1", "an order number"),
        (" ann@example.COM ", "an e-mail address"),
        ("cs_test_n01", "a session id"),
        ("pi_n01", "a payment intent"),
    ],
)
async def test_the_search_finds_an_order_by_what_is_known_of_it(
    database_path: Path, term: str, as_what: str
) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(
            paid(1, client_reference_id="order-1", customer_details=BUYER), paid(2)
        )
        form = form_named(await console.operator.see("/console"), "Search")
        html = await console.operator.see("/console", **form.fields | {"q": term})

    assert (form.method, form.action) == ("get", "console")
    assert "1 order was found." in text_of(html)
    assert as_what in text_of(html)
    assert "orders/cs_test_n01" in html
    assert "orders/cs_test_n02" not in html


async def test_a_search_without_result_says_where_it_looked(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        before = text_of(await console.operator.see("/console", q="nobody@example.com"))
        await console.shop.tell(paid(1))
        after = text_of(await console.operator.see("/console", q="nobody@example.com"))
        number = text_of(await console.operator.see("/console", q="<b>order</b>"))

    assert "No orders were found. Looked up as an order number and an e-mail address." in before
    assert "No event is stored" in before
    assert "E-mail addresses were searched in all stored events, back to" in after
    assert "Search for “&lt;b&gt;order&lt;/b&gt;”: No orders were found." in number


async def test_the_search_for_an_address_is_not_logged(
    database_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with console_shop(database_path) as console:
        await console.operator.see("/console", q="ann@example.com")

    captured = capfd.readouterr()
    assert "ann@example.com" not in captured.out + captured.err
