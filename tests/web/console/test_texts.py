"""Texts of the console's pages that a whole service hardly shows."""

import pytest

from app.usecases.find_orders import FoundOrders, Searched
from app.usecases.orders import BodySearch
from app.web.console.frame import moment_text, money_text
from app.web.console.orders_page import found_text


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (1999, "usd", "$19.99"),
        (500, "jpy", "¥500"),
        (1234567, "eur", "€12,345.67"),
        (1999, None, "1999"),
        (None, "usd", ""),
        (None, None, ""),
    ],
)
def test_an_amount_is_never_shown_as_another_one(
    amount_minor: int | None, currency: str | None, text: str
) -> None:
    assert money_text(amount_minor, currency) == text


def test_a_time_that_is_not_known_is_empty() -> None:
    assert moment_text(None) == ""
    assert moment_text("2025-10-09T08:53:20.000Z") == "9 Oct 2025, 08:53:20 UTC"


def test_a_search_that_did_not_see_everything_says_so() -> None:
    bodies = BodySearch(events=[], looked_at=20_000, since_ms=1_760_000_000_000, is_complete=False)
    found = FoundOrders(orders=[], searched=(Searched.EMAIL,), bodies=bodies)

    assert found_text(found) == (
        "No orders were found. Looked up as an e-mail address. E-mail addresses were searched in "
        "the latest 20,000 stored events, back to 9 Oct 2025, 08:53:20 UTC; older ones were not "
        "looked at."
    )
