"""An expired session is paid through Stripe's recovery link, by a new one, in any order."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.databases import AnyDatabase
from app.domain.checkout.claims import key_digest
from tests.support.builders import CHECKOUT_ID, SESSION_ID, Document, event, session
from tests.support.readings import EXPIRED
from tests.support.recording import checkout, keep, record
from tests.support.status_service import StatusService, status_service

SECOND, THIRD = "cs_test_second", "cs_test_third"
NO_URL = "https://shop.example/thanks"
URL = f"https://shop.example/?checkout_id={CHECKOUT_ID}"
RECOVERY = {"recovery": {"enabled": True, "url": "https://buy.stripe.com/r/x"}}


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def expired(session_id: str = SESSION_ID, **changes: object) -> Document:
    values: Document = {"after_expiration": RECOVERY, "payment_intent": None, "success_url": URL}
    subject = session(id=session_id, payment_status="unpaid", **(values | changes))
    return event(EXPIRED, subject, id=f"evt_{session_id}_expired")


def paid(session_id: str, recovered_from: object, success_url: str = URL) -> Document:
    subject = session(
        id=session_id,
        recovered_from=recovered_from,
        success_url=success_url,
        payment_intent=f"pi_{session_id}",
    )
    return event(id=f"evt_{session_id}_paid", subject=subject)


STORIES = {
    "once": [expired(), paid(SECOND, SESSION_ID)],
    "once, by the session alone": [expired(), paid(SECOND, SESSION_ID, NO_URL)],
    "once, expanded": [expired(), paid(SECOND, {"id": SESSION_ID, "object": "checkout.session"})],
    "once, and nobody told of the expiry": [paid(SECOND, SESSION_ID, NO_URL)],
    "twice": [
        expired(),
        expired(SECOND, recovered_from=SESSION_ID, success_url=NO_URL),
        paid(THIRD, SECOND, NO_URL),
    ],
}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("story", STORIES)
async def test_a_checkout_is_paid_by_the_session_that_recovers_its_own_in_any_order(
    database: AnyDatabase, story: str, *, is_reversed: bool
) -> None:
    documents = STORIES[story][::-1] if is_reversed else STORIES[story]
    last = THIRD if story == "twice" else SECOND
    async with status_service(database) as service:
        await keep(database, checkout())
        for document in documents:
            await service.tell(document)

        by_checkout = (await service.get(CHECKOUT_ID)).json()
        assert (by_checkout["status"], by_checkout["session_id"]) == ("paid", last)
        by_old = (await service.get(SESSION_ID)).json()
        assert (by_old["status"], by_old["session_id"]) == ("paid", last)
        by_new = (await service.get(last)).json()
        assert (by_new["status"], by_new["checkout_id"]) == ("paid", CHECKOUT_ID)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_chain_of_recoveries_is_followed_in_any_order(
    database: AnyDatabase, order: Sequence[int]
) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        for position in order:
            await service.tell(STORIES["twice"][position])

        assert (await service.get(CHECKOUT_ID)).json()["session_id"] == THIRD


async def test_a_session_that_recovers_another_checkouts_session_pays_nothing_here(
    database: AnyDatabase,
) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        await service.tell(expired(), paid(SECOND, "cs_test_strangers"))

        assert (await service.get(CHECKOUT_ID)).json()["status"] == "expired"
        assert (await service.get(SECOND)).json()["checkout_id"] is None


async def test_a_recovery_of_a_buyers_own_session_does_not_pay_a_checkout_that_knows_its_session(
    database: AnyDatabase,
) -> None:
    """A buyer knows the secret of the success URL, and may start a cheap session with it."""
    await keep(database, replace(checkout(), key_digest=key_digest("a" * 16)))
    with_secret = f"{URL}&checkout_key={'a' * 16}"
    async with status_service(database) as service:
        await service.tell(expired(), paid(SECOND, "cs_test_cheap", with_secret))

        assert (await service.get(CHECKOUT_ID)).json()["status"] == "expired"


async def test_a_recovery_is_joined_by_the_secret_where_the_checkout_knows_no_session(
    database: AnyDatabase,
) -> None:
    await keep(database, replace(checkout(session_id=None), key_digest=key_digest("a" * 16)))
    with_secret = f"{URL}&checkout_key={'a' * 16}"
    async with status_service(database) as service:
        await service.tell(expired(success_url=with_secret), paid(SECOND, SESSION_ID, with_secret))

        assert (await service.get(CHECKOUT_ID)).json()["session_id"] == SECOND
        assert (await service.get(SECOND)).json()["checkout_id"] == CHECKOUT_ID


SECRET_URL = f"{URL}&checkout_key={'a' * 16}"
WITHOUT_SECRET = {
    "once": [expired(success_url=SECRET_URL), paid(SECOND, SESSION_ID, URL)],
    "twice": [
        expired(success_url=SECRET_URL),
        expired(SECOND, recovered_from=SESSION_ID, success_url=NO_URL),
        paid(THIRD, SECOND, NO_URL),
    ],
}


@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("story", WITHOUT_SECRET)
async def test_a_recovery_without_the_secret_is_joined_by_the_session_that_has_it(
    database: AnyDatabase, story: str, *, is_reversed: bool
) -> None:
    documents = WITHOUT_SECRET[story][::-1] if is_reversed else WITHOUT_SECRET[story]
    last = THIRD if story == "twice" else SECOND
    await keep(database, replace(checkout(session_id=None), key_digest=key_digest("a" * 16)))
    async with status_service(database) as service:
        for document in documents:
            await service.tell(document)

        by_checkout = (await service.get(CHECKOUT_ID)).json()
        assert (by_checkout["status"], by_checkout["session_id"]) == ("paid", last)
        assert (await service.get(last)).json()["checkout_id"] == CHECKOUT_ID


async def test_a_stream_shows_a_recovery_without_the_secret(database: AnyDatabase) -> None:
    await keep(database, replace(checkout(session_id=None), key_digest=key_digest("a" * 16)))
    async with status_service(database) as service:
        await service.tell(WITHOUT_SECRET["once"][0])
        async with service.stream(CHECKOUT_ID) as stream:
            await stream.next_status()
            await service.tell(WITHOUT_SECRET["once"][1])
            second = await stream.next_status()

    assert second.data is not None
    assert '"status":"paid"' in second.data


async def test_a_recovery_of_a_session_without_the_secret_pays_nothing(
    database: AnyDatabase,
) -> None:
    """Nobody has proven that the first one was made for the checkout."""
    await keep(database, replace(checkout(session_id=None), key_digest=key_digest("a" * 16)))
    async with status_service(database) as service:
        await service.tell(expired(), paid(SECOND, SESSION_ID))

        assert (await service.get(CHECKOUT_ID)).json()["status"] == "open"
        assert (await service.get(SECOND)).json()["checkout_id"] is None


async def test_sessions_that_recover_each_other_lead_nowhere(database: AnyDatabase) -> None:
    """Stripe makes no such loop; reading one must come to an end all the same."""
    async with status_service(database) as service:
        for session_id, other in ((SESSION_ID, SECOND), (SECOND, SESSION_ID)):
            await service.tell(expired(session_id, recovered_from=other, success_url=NO_URL))

        found = (await service.get(SECOND)).json()
        assert (found["status"], found["checkout_id"]) == ("expired", None)


@pytest.mark.parametrize("public_id", [CHECKOUT_ID, SESSION_ID])
@pytest.mark.parametrize("is_elsewhere", [False, True])
async def test_a_stream_continues_after_the_expiry_and_shows_the_recovery(
    database: AnyDatabase, public_id: str, *, is_elsewhere: bool
) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        await service.tell(expired())
        async with service.stream(public_id) as stream:
            first = await stream.next_status()
            await _tell(service, paid(SECOND, SESSION_ID, NO_URL), is_elsewhere=is_elsewhere)
            second = await stream.next_status()

    assert first.data is not None
    assert second.data is not None
    assert '"status":"expired"' in first.data
    assert '"status":"paid"' in second.data


async def test_a_wait_after_the_expiry_returns_the_recovery(database: AnyDatabase) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        await service.tell(expired())
        async with service.waiting() as answer:
            await service.tell(paid(SECOND, SESSION_ID, NO_URL))
            assert (await answer).json()["status"] == "paid"


async def test_a_stream_ends_with_an_expiry_that_nothing_follows(database: AnyDatabase) -> None:
    await keep(database, checkout())
    async with status_service(database) as service:
        await service.tell(expired(after_expiration=None))
        async with service.stream() as stream:
            assert [message.name for message in await stream.rest() if message.data] == ["status"]


async def _tell(service: StatusService, document: Document, *, is_elsewhere: bool) -> None:
    """In this process, or in another, of which only the database tells."""
    if is_elsewhere:
        await record(service.database, document)
    else:
        await service.tell(document)
