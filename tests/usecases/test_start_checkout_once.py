"""Every recovery point, seeded in a real file, and how the next request continues."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from app.adapters.system import RandomCheckoutIds
from app.databases import AnyDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.catalog import Catalog, CatalogPrice
from app.domain.checkout.idempotency import (
    KEY_LIFE_MS,
    IdempotencyKey,
    fingerprint,
    read_idempotency_key,
)
from app.domain.checkout.redirects import PaymentPage, RedirectPolicy
from app.domain.errors import (
    AltanPayTimeoutError,
    CheckoutError,
    CheckoutInProgressError,
    CommitInDoubtError,
    IdempotencyKeyReusedError,
    PriceNotForSaleError,
    RowsRefusedError,
    StorageUnavailableError,
)
from app.usecases.ports import AlertName
from app.usecases.records import Claim, ClaimState, SessionOrder
from app.usecases.start_checkout import StartCheckout
from app.usecases.start_checkout_once import ABANDONED_MAX, StartCheckoutOnce
from app.usecases.storage import Database, Transaction
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    NOW_S,
    FixedClock,
    NoLimits,
    SilentAlarm,
    checkout_request,
    housekeeping,
    query,
    until,
)
from tests.support.observed import ObservedDatabase
from tests.support.rows import break_down, mend, no_transaction_is_open, refuse

T = TypeVar("T")

NOW_MS = NOW_S * 1000
LEASE_S = 15.0
LEASE_MS = int(LEASE_S * 1000)
KEY = read_idempotency_key("a click on Buy")
REQUEST = checkout_request(Cart((LineItem("price_A", 1), LineItem("price_B", 2)), Mode.PAYMENT))
REORDERED = checkout_request(Cart((LineItem("price_B", 2), LineItem("price_A", 1)), Mode.PAYMENT))
ANOTHER = checkout_request(Cart((LineItem("price_A", 2), LineItem("price_B", 2)), Mode.PAYMENT))


@dataclass(slots=True)
class NumberedPages:
    """Altan Pay, played: each call makes a session of its own, when the test lets it."""

    failures: list[Exception] = field(default_factory=list)
    calls: int = 0
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_answer.set()

    async def create(self, order: SessionOrder) -> PaymentPage:
        assert order.cart.line_items
        self.calls += 1
        number = self.calls
        self.called.set()
        await self.may_answer.wait()
        if self.failures:
            raise self.failures.pop(0)
        return PaymentPage(f"https://checkout.stripe.com/pay/cs_{number}", f"cs_{number}")


def once(
    database: Database,
    pages: NumberedPages,
    clock: FixedClock,
    *,
    wait_s: float = DEADLINE_S,
    catalog: Catalog | None = None,
) -> StartCheckoutOnce:
    start = StartCheckout(
        redirects=RedirectPolicy(
            allowed_origins=frozenset({"https://shop.example"}),
            success_url_default="https://shop.example",
            cancel_url_default="https://shop.example",
        ),
        catalog=lambda: catalog,
        limits=NoLimits(),
        payment_pages=pages,
        database=database,
        clock=clock,
        ids=RandomCheckoutIds(),
    )
    return StartCheckoutOnce(start=start, lease_s=LEASE_S, wait_s=wait_s)


def claim(**changes: object) -> Claim:
    values: dict[str, object] = {
        "key_digest": KEY.digest,
        "fingerprint": fingerprint(REQUEST),
        "checkout_id": CHECKOUT_ID,
        "state": ClaimState.CREATING,
        "lease_until_ms": NOW_MS + LEASE_MS,
        "created_at_ms": NOW_MS,
    }
    return Claim(**(values | changes))  # type: ignore[arg-type]


async def seed(database: AnyDatabase, seeded: Claim) -> None:
    async def act(transaction: Transaction) -> None:
        await transaction.claim(seeded, dead_before_ms=0)
        await transaction.commit()

    await database.write(act)


def keys(path: Path) -> list[tuple[str, str]]:
    rows = query(path, "SELECT checkout_id, state FROM idempotency_keys ORDER BY key_digest")
    return [(row["checkout_id"], row["state"]) for row in rows]


def checkouts(path: Path) -> list[str]:
    return [row["id"] for row in query(path, "SELECT id FROM checkouts ORDER BY id")]


# Each recovery point, and the next request


async def test_no_row_becomes_an_open_one_together_with_its_checkout(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    checkout = await once(database, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]
    assert checkouts(database_path) == [checkout.id]
    assert await database.find_checkout(checkout.id) == checkout


async def test_while_altan_pay_is_asked_the_row_says_creating_and_no_transaction_is_open(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    pages.may_answer.clear()
    call = asyncio.create_task(once(database, pages, clock)(REQUEST, KEY))
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)

    ((_, state),) = keys(database_path)

    assert await asyncio.to_thread(no_transaction_is_open, database_path)
    assert state == "creating"
    assert checkouts(database_path) == []
    pages.may_answer.set()
    await call


async def test_creating_under_a_live_lease_is_waited_for_and_then_told(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    await seed(database, claim())

    with pytest.raises(CheckoutInProgressError):
        await once(database, pages, clock, wait_s=0.1)(REQUEST, KEY)

    assert pages.calls == 0
    assert keys(database_path) == [(CHECKOUT_ID, "creating")]


@pytest.mark.parametrize(("past_lease_ms", "is_taken"), [(0, False), (1, True)])
async def test_creating_is_taken_over_when_its_lease_is_over_and_not_before(
    database: AnyDatabase,
    database_path: Path,
    clock: FixedClock,
    past_lease_ms: int,
    is_taken: bool,  # noqa: FBT001 a test's parameter
) -> None:
    pages = NumberedPages()
    await seed(database, claim())
    clock.ms = NOW_MS + LEASE_MS + past_lease_ms

    outcome = await asyncio.gather(
        once(database, pages, clock, wait_s=0.1)(REQUEST, KEY),
        return_exceptions=True,
    )

    assert isinstance(outcome[0], CheckoutInProgressError) is not is_taken
    assert pages.calls == is_taken
    assert [state for _, state in keys(database_path)] == ["open" if is_taken else "creating"]
    assert (keys(database_path)[0][0] == CHECKOUT_ID) is not is_taken


async def test_open_gives_the_same_answer_without_asking_anybody(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    act = once(database, pages, clock)
    first = await act(REQUEST, KEY)

    clock.ms += KEY_LIFE_MS  # to the very last millisecond
    again = await act(REQUEST, KEY)

    assert again == first
    assert pages.calls == 1
    assert checkouts(database_path) == [first.id]


@pytest.mark.parametrize(
    "error",
    [AltanPayTimeoutError("words"), KeyError("a defect")],
    ids=lambda error: type(error).__name__,
)
async def test_a_failure_frees_the_key_and_the_next_request_has_it(
    database: AnyDatabase, database_path: Path, clock: FixedClock, error: Exception
) -> None:
    pages = NumberedPages([error])
    act = once(database, pages, clock)

    with pytest.raises(type(error)) as caught:
        await act(REQUEST, KEY)
    after_failure = keys(database_path)
    checkout = await act(ANOTHER, KEY)

    assert caught.value is error
    assert after_failure == []
    assert keys(database_path) == [(checkout.id, "open")]


async def test_what_is_not_for_sale_frees_the_key_too(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    catalog = Catalog({"price_A": CatalogPrice(id="price_A", mode=Mode.PAYMENT)})

    with pytest.raises(PriceNotForSaleError):
        await once(database, pages, clock, catalog=catalog)(REQUEST, KEY)

    assert (keys(database_path), pages.calls) == ([], 0)


async def test_a_page_that_cannot_be_kept_frees_the_key(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    refuse(database_path, "INSERT ON checkouts")

    with pytest.raises(RowsRefusedError):
        await once(database, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == []


async def test_a_key_that_cannot_be_freed_hides_no_failure_and_is_left_to_its_lease(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    failure = AltanPayTimeoutError("words")
    break_down(database_path, "DELETE ON idempotency_keys")

    with pytest.raises(CheckoutError) as caught:
        await once(database, NumberedPages([failure]), clock)(REQUEST, KEY)
    mend(database_path, "DELETE ON idempotency_keys")
    clock.ms += LEASE_MS + 1
    checkout = await once(database, NumberedPages(), clock)(REQUEST, KEY)

    assert caught.value is failure
    assert keys(database_path) == [(checkout.id, "open")]


async def test_a_process_that_could_not_free_a_key_continues_with_it_at_once(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages([AltanPayTimeoutError("words")])
    start = once(database, pages, clock, wait_s=0)
    break_down(database_path, "DELETE ON idempotency_keys")
    with pytest.raises(AltanPayTimeoutError):
        await start(REQUEST, KEY)
    mend(database_path, "DELETE ON idempotency_keys")

    with pytest.raises(IdempotencyKeyReusedError):
        await start(ANOTHER, KEY)
    pages.may_answer.clear()
    going_on = asyncio.create_task(start(REQUEST, KEY))
    await until(lambda: pages.calls == 2)
    with pytest.raises(CheckoutInProgressError):  # one request goes on, not each
        await start(REQUEST, KEY)
    pages.may_answer.set()
    checkout = await going_on

    assert keys(database_path) == [(checkout.id, "open")]


async def test_only_so_many_abandoned_keys_are_remembered(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    failing = ObservedDatabase(database)
    start = once(failing, NumberedPages(), clock)
    for number in range(ABANDONED_MAX + 1):
        failing.writes_down = 1
        with pytest.raises(StorageUnavailableError):
            await start(REQUEST, read_idempotency_key(f"click {number}"))

    assert len(start._abandoned) == ABANDONED_MAX  # noqa: SLF001 the bound is what is tested
    assert keys(database_path) == []


# --- commits whose answer is lost


@dataclass(slots=True)
class DoubtfulDatabase(ObservedDatabase):
    """The answers of the commits with these numbers are lost; `reached` tells if they were made."""

    doubtful: set[int] = field(default_factory=set)
    reached: bool = True

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        self.writes += 1
        if self.writes not in self.doubtful:
            return await self.inner.write(act)
        if self.reached:
            await self.inner.write(act)
        raise CommitInDoubtError("words")


@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
async def test_a_claim_whose_answer_was_lost_is_known_by_its_checkout_id(
    database: AnyDatabase, database_path: Path, clock: FixedClock, *, reached: bool
) -> None:
    doubtful = DoubtfulDatabase(database, doubtful={1}, reached=reached)

    checkout = await once(doubtful, NumberedPages(), clock, wait_s=0)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


async def test_a_claim_that_stays_in_doubt_is_gone_on_with_by_the_next_request(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    start = once(DoubtfulDatabase(database, doubtful={1, 2}), NumberedPages(), clock, wait_s=0)
    with pytest.raises(CommitInDoubtError):
        await start(REQUEST, KEY)

    checkout = await start(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


async def test_a_checkout_whose_answer_was_lost_is_found_on_disk(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()

    checkout = await once(DoubtfulDatabase(database, doubtful={2}), pages, clock)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]
    assert pages.calls == 1


async def test_a_checkout_that_was_lost_with_its_answer_frees_the_key(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    doubtful = DoubtfulDatabase(database, doubtful={2}, reached=False)

    with pytest.raises(CommitInDoubtError):
        await once(doubtful, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == []
    assert checkouts(database_path) == []


@pytest.mark.parametrize("reached", [True, False], ids=["committed", "not committed"])
async def test_a_checkout_without_a_key_is_found_on_disk_too(
    database: AnyDatabase, database_path: Path, clock: FixedClock, *, reached: bool
) -> None:
    start = once(
        DoubtfulDatabase(database, doubtful={1}, reached=reached), NumberedPages(), clock
    ).start

    outcome = await asyncio.gather(start(REQUEST), return_exceptions=True)

    found = checkouts(database_path)
    assert [getattr(each, "id", None) for each in outcome] == (found if reached else [None])
    assert len(found) == reached


@pytest.mark.parametrize("state", list(ClaimState))
async def test_a_key_older_than_a_day_is_a_new_one_even_for_another_cart(
    database: AnyDatabase, database_path: Path, clock: FixedClock, state: ClaimState
) -> None:
    await seed(database, claim(state=state))
    clock.ms += KEY_LIFE_MS + 1

    checkout = await once(database, NumberedPages(), clock)(ANOTHER, KEY)

    assert checkout.id != CHECKOUT_ID
    assert keys(database_path) == [(checkout.id, "open")]


@pytest.mark.parametrize("state", list(ClaimState))
@pytest.mark.parametrize("past_ms", [0, LEASE_MS + 1])
async def test_another_cart_is_refused_at_every_recovery_point(
    database: AnyDatabase, clock: FixedClock, state: ClaimState, past_ms: int
) -> None:
    pages = NumberedPages()
    await seed(database, claim(state=state))
    clock.ms += past_ms

    with pytest.raises(IdempotencyKeyReusedError):
        await once(database, pages, clock)(ANOTHER, KEY)

    assert pages.calls == 0


async def test_the_order_of_the_line_items_does_not_matter(
    database: AnyDatabase, clock: FixedClock
) -> None:
    act = once(database, NumberedPages(), clock)

    first = await act(REQUEST, KEY)

    assert await act(REORDERED, KEY) == first


# Two at once


async def test_two_at_once_make_one_session_and_the_second_waits_for_it(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    pages = NumberedPages()
    pages.may_answer.clear()
    act = once(database, pages, clock)
    calls = [asyncio.create_task(act(REQUEST, KEY)) for _ in range(5)]
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)

    pages.may_answer.set()
    answers = await asyncio.gather(*calls)

    assert pages.calls == 1
    assert len({checkout.url for checkout in answers}) == 1
    assert len(checkouts(database_path)) == 1


async def test_who_waited_for_a_failure_tries_in_its_place(
    database: AnyDatabase, clock: FixedClock
) -> None:
    pages = NumberedPages([AltanPayTimeoutError("words")])
    pages.may_answer.clear()
    act = once(database, pages, clock)
    first = asyncio.create_task(act(REQUEST, KEY))
    await asyncio.wait_for(pages.called.wait(), DEADLINE_S)
    second = asyncio.create_task(act(REQUEST, KEY))

    pages.may_answer.set()

    with pytest.raises(AltanPayTimeoutError):
        await first
    assert (await second).url.endswith("cs_2")


async def test_two_keys_are_two_checkouts(database: AnyDatabase, clock: FixedClock) -> None:
    act = once(database, NumberedPages(), clock)

    first = await act(REQUEST, KEY)
    second = await act(REQUEST, IdempotencyKey("0" * 64))

    assert first.url != second.url


async def test_a_slow_holder_that_lost_its_lease_hands_out_its_successors_page(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    slow, quick = NumberedPages(), NumberedPages(calls=100)
    slow.may_answer.clear()
    outwaited = once(database, slow, clock, wait_s=0)  # a lease is longer than any wait
    first = asyncio.create_task(outwaited(REQUEST, KEY))
    await asyncio.wait_for(slow.called.wait(), DEADLINE_S)
    clock.ms += LEASE_MS + 1
    second = await once(database, quick, clock)(REQUEST, KEY)

    slow.may_answer.set()

    assert await first == second
    assert second.url.endswith("cs_101")
    assert checkouts(database_path) == [second.id]


async def test_a_slow_holder_that_fails_does_not_free_its_successors_key(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    slow, quick = NumberedPages([AltanPayTimeoutError("words")]), NumberedPages(calls=100)
    slow.may_answer.clear()
    first = asyncio.create_task(once(database, slow, clock)(REQUEST, KEY))
    await asyncio.wait_for(slow.called.wait(), DEADLINE_S)
    clock.ms += LEASE_MS + 1
    quick.may_answer.clear()
    successor = asyncio.create_task(once(database, quick, clock)(REQUEST, KEY))
    await asyncio.wait_for(quick.called.wait(), DEADLINE_S)

    slow.may_answer.set()
    with pytest.raises(AltanPayTimeoutError):
        await first
    ((holder, state),) = keys(database_path)
    quick.may_answer.set()

    assert (await successor).id == holder
    assert state == "creating"


async def test_who_dies_between_the_two_transactions_is_succeeded_after_the_lease(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    dying = NumberedPages()
    dying.may_answer.clear()
    call = asyncio.create_task(once(database, dying, clock)(REQUEST, KEY))
    await asyncio.wait_for(dying.called.wait(), DEADLINE_S)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    clock.ms += LEASE_MS + 1

    checkout = await once(database, NumberedPages(), clock)(REQUEST, KEY)

    assert keys(database_path) == [(checkout.id, "open")]


# What is forgotten


async def test_a_round_of_housekeeping_forgets_five_hundred_dead_keys_at_most(
    database: AnyDatabase, database_path: Path, clock: FixedClock
) -> None:
    async def add(transaction: Transaction) -> None:
        for number in range(700):
            created_at_ms = NOW_MS - KEY_LIFE_MS - (number < 600)
            key = claim(key_digest=f"{number:064}", created_at_ms=created_at_ms)
            await transaction.claim(key, dead_before_ms=0)
        await transaction.commit()

    await database.write(add)
    tidy = housekeeping(database, clock)

    assert [await tidy() for _ in range(3)] == [500, 100, 0]
    assert len(keys(database_path)) == 100


async def test_housekeeping_continues_after_a_failed_round(
    database: AnyDatabase, database_path: Path, clock: FixedClock, alarm: SilentAlarm
) -> None:
    await seed(database, claim())
    clock.ms += KEY_LIFE_MS + 1
    query(database_path, "ALTER TABLE idempotency_keys RENAME TO elsewhere")
    tidy = housekeeping(database, clock, every_s=0.01)

    running = asyncio.create_task(tidy.run())
    await until(lambda: len(alarm.told) > 1)
    query(database_path, "ALTER TABLE elsewhere RENAME TO idempotency_keys")
    await until(lambda: keys(database_path) == [])
    running.cancel()

    assert set(alarm.names) == {AlertName.STORAGE_UNAVAILABLE}
