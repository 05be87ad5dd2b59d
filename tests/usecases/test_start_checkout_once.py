"""Every recovery point, seeded in a real file, and how the next request continues."""

import asyncio
from pathlib import Path

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.cart import Mode
from app.domain.checkout.catalog import Catalog, CatalogPrice
from app.domain.checkout.idempotency import (
    KEY_LIFE_MS,
    read_idempotency_key,
)
from app.domain.errors import (
    AltanPayTimeoutError,
    CheckoutError,
    CheckoutInProgressError,
    IdempotencyKeyReusedError,
    PriceNotForSaleError,
    RowsRefusedError,
    StorageUnavailableError,
)
from app.usecases.records import ClaimState
from app.usecases.start_checkout_once import ABANDONED_MAX
from tests.support.builders import (
    CHECKOUT_ID,
    DEADLINE_S,
    FixedClock,
    until,
)
from tests.support.checkouts_once import (
    ANOTHER,
    KEY,
    LEASE_MS,
    NOW_MS,
    REORDERED,
    REQUEST,
    NumberedPages,
    checkouts,
    claim,
    keys,
    once,
    seed,
)
from tests.support.observed import ObservedDatabase
from tests.support.rows import break_down, mend, no_transaction_is_open, refuse


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
