import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson
import pytest

from app.domain.checkout.cart import Cart, CreatedBy, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage, RedirectPolicy
from app.domain.errors import (
    AltanPayTimeoutError,
    CheckoutError,
    RedirectNotAllowedError,
    StorageUnavailableError,
)
from app.usecases.records import SessionOrder
from app.usecases.start_checkout import StartCheckout
from app.usecases.storage import Database
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    FixedClock,
    NoLimits,
    checkout_request,
    query,
)
from tests.support.rows import no_transaction_is_open

PAGE = PaymentPage("https://checkout.stripe.com/c/pay/cs_test_1#f", "cs_test_1")
CART = Cart((LineItem("price_A", 2), LineItem("price_B", 1)), Mode.SUBSCRIPTION)
JOIN = f"session_id={{CHECKOUT_SESSION_ID}}&checkout_id={CHECKOUT_ID}"


@dataclass(slots=True)
class FakePages:
    """Altan Pay, played: keeps the orders, gives one answer."""

    answer: PaymentPage | CheckoutError = PAGE
    orders: list[SessionOrder] = field(default_factory=list)
    path: Path | None = None
    could_write: list[bool] = field(default_factory=list)

    async def create(self, order: SessionOrder) -> PaymentPage:
        self.orders.append(order)
        if self.path is not None:
            is_calm = await asyncio.to_thread(no_transaction_is_open, self.path)
            self.could_write.append(is_calm)
        if isinstance(self.answer, CheckoutError):
            raise self.answer
        return self.answer


KEY = "a_key-of-22-characters"


@dataclass(slots=True)
class FixedIds:
    ids: list[str] = field(default_factory=lambda: [CHECKOUT_ID])
    asked_at_ms: list[int] = field(default_factory=list)

    def new(self, now_ms: int) -> str:
        self.asked_at_ms.append(now_ms)
        return self.ids.pop(0)

    def new_key(self) -> str:
        return KEY


def start_checkout(
    database: Database, pages: FakePages, ids: FixedIds | None = None
) -> StartCheckout:
    return StartCheckout(
        redirects=RedirectPolicy(
            allowed_origins=frozenset({"https://shop.example"}),
            success_url_default="https://shop.example",
            cancel_url_default="https://shop.example/cart",
        ),
        catalog=lambda: None,
        limits=NoLimits(),
        payment_pages=pages,
        database=database,
        clock=FixedClock(),
        ids=ids or FixedIds(),
    )


def rows(path: Path) -> list[tuple[object, ...]]:
    found = query(
        path,
        "SELECT id, created_at_ms, mode, line_items, client_reference_id, success_url,"
        " cancel_url, url, session_id FROM checkouts",
    )
    return [tuple(row.values()) for row in found]


async def test_a_checkout_is_on_disk_with_all_that_belongs_to_it(
    database: Database, database_path: Path
) -> None:
    request = checkout_request(
        CART,
        success_url="https://shop.example/thanks",
        cancel_url="https://shop.example/back",
        client_reference_id="order-42",
    )

    checkout = await start_checkout(database, FakePages())(request)

    assert (checkout.id, checkout.url, checkout.session_id) == (CHECKOUT_ID, PAGE.url, "cs_test_1")
    ((id_, created_at_ms, mode, lines, reference, success, cancel, url, session),) = rows(
        database_path
    )
    assert (id_, created_at_ms, mode) == (CHECKOUT_ID, NOW_S * 1000, "subscription")
    assert orjson.loads(str(lines)) == [
        {"price": "price_A", "quantity": 2},
        {"price": "price_B", "quantity": 1},
    ]
    assert (reference, success, cancel) == (
        "order-42",
        f"https://shop.example/thanks?{JOIN}",
        "https://shop.example/back",
    )
    assert (url, session) == (PAGE.url, "cs_test_1")


async def test_altan_pay_is_asked_for_the_cart_and_the_shops_own_addresses(
    database: Database,
) -> None:
    pages = FakePages()

    await start_checkout(database, pages)(checkout_request(CART))

    assert pages.orders == [
        SessionOrder(
            cart=CART,
            success_url=f"https://shop.example/?{JOIN}&checkout_key={KEY}",
            cancel_url="https://shop.example/cart",
        )
    ]


async def test_altan_pays_client_learns_who_sent_the_cart(database: Database) -> None:
    pages = FakePages()
    request = replace(checkout_request(CART), client="192.0.2.1", created_by=CreatedBy.SERVER)

    await start_checkout(database, pages)(request)

    (order,) = pages.orders
    assert (order.client, order.created_by) == ("192.0.2.1", CreatedBy.SERVER)


async def test_the_id_is_made_of_the_time_at_which_the_checkout_began(
    database: Database,
) -> None:
    ids = FixedIds()

    checkout = await start_checkout(database, FakePages(), ids)(checkout_request(CART))

    assert ids.asked_at_ms == [checkout.created_at_ms] == [NOW_S * 1000]


async def test_no_transaction_is_open_while_altan_pay_is_asked(
    database: Database, database_path: Path
) -> None:
    pages = FakePages(path=database_path)

    await start_checkout(database, pages)(checkout_request(CART))

    assert pages.could_write == [True]


async def test_a_page_without_a_session_in_its_url_is_stored_without_one(
    database: Database,
) -> None:
    pages = FakePages(PaymentPage("https://checkout.stripe.com/pay/x", None))

    checkout = await start_checkout(database, pages)(checkout_request(CART))

    found = await database.find_checkout(checkout.id)
    assert found == checkout
    assert checkout.session_id is None
    assert checkout.key_digest == hashlib.sha256(KEY.encode()).hexdigest()
    assert KEY not in repr(checkout)


@pytest.mark.parametrize("field_name", ["success_url", "cancel_url"])
@pytest.mark.parametrize("at", ["", "/payload"])
async def test_a_foreign_return_address_is_refused_before_anybody_is_asked(
    database: Database, database_path: Path, field_name: str, at: str
) -> None:
    pages = FakePages()
    request = checkout_request(
        CART,
        at=at,
        success_url="https://evil.example" if field_name == "success_url" else None,
        cancel_url="https://evil.example" if field_name == "cancel_url" else None,
    )

    with pytest.raises(RedirectNotAllowedError) as caught:
        await start_checkout(database, pages)(request)

    assert [fault.pointer for fault in caught.value.faults] == [f"{at}/{field_name}"]
    assert pages.orders == []
    assert rows(database_path) == []


async def test_a_failure_of_altan_pay_leaves_nothing_behind(
    database: Database, database_path: Path
) -> None:
    failure = AltanPayTimeoutError("words")

    with pytest.raises(AltanPayTimeoutError) as caught:
        await start_checkout(database, FakePages(failure))(checkout_request(CART))

    assert caught.value is failure
    assert rows(database_path) == []


async def test_a_page_whose_checkout_cannot_be_kept_is_not_given_out(
    database: Database, database_path: Path
) -> None:
    query(database_path, "ALTER TABLE checkouts RENAME TO elsewhere")

    with pytest.raises(StorageUnavailableError) as caught:
        await start_checkout(database, FakePages())(checkout_request(CART))

    assert PAGE.url not in str(caught.value)


async def test_an_upstream_that_names_one_session_twice_does_not_stop_the_shop(
    database: Database, database_path: Path
) -> None:
    """Whether it repeats itself is not ours to judge: the second buyer must not be turned away."""
    ids = FixedIds([CHECKOUT_ID, CHECKOUT_ID[:-1] + "4"])
    act = start_checkout(database, FakePages(), ids)

    first = await act(checkout_request(CART))
    second = await act(checkout_request(CART))

    assert first.url == second.url
    assert len(rows(database_path)) == 2
