"""Which payment an event reaches, through any chain of ids."""

from dataclasses import replace

from app.databases import AnyDatabase
from app.domain.fold.records import EventState, Link
from app.domain.payments.disputes import Dispute, DisputeState
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.status import PaymentStatus
from app.usecases.ports import AlertName
from tests.support.builders import SESSION_ID, SilentAlarm, event, session
from tests.support.recording import (
    keep,
    kept_event,
    links,
    mention,
    payment_of,
    payments,
    prune,
    record,
    states,
)
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    refund,
)


async def test_an_event_waits_until_its_session_comes(database: AnyDatabase) -> None:
    await record(database, event("charge.succeeded", charge(), id="evt_charge"))
    await record(
        database,
        event("charge.dispute.created", dispute(payment_intent=None), id="evt_dispute"),
    )
    before = await states(database)

    await record(database, event())

    assert before == {"evt_charge": EventState.WAITING, "evt_dispute": EventState.WAITING}
    assert set((await states(database)).values()) == {EventState.FOLDED}
    assert (await payment_of(database)).facts.status is PaymentStatus.DISPUTED


async def test_an_event_whose_chain_has_a_gap_keeps_waiting(database: AnyDatabase) -> None:
    await record(
        database,
        event("charge.dispute.created", dispute(payment_intent=None), id="evt_dispute"),
        event(),
    )

    assert (await states(database))["evt_dispute"] is EventState.WAITING
    assert (await payment_of(database)).facts.status is PaymentStatus.PAID
    assert await links(database, "ch_1") == set()


async def test_each_id_on_the_way_is_linked(database: AnyDatabase) -> None:
    subscribed = session(mode="subscription", payment_intent=None, subscription="sub_1")
    await record(
        database,
        event("refund.created", refund(), id="evt_1"),
        event("charge.succeeded", charge(), id="evt_2"),
        event("invoice.paid", invoice(), id="evt_3"),
        event(subject=subscribed, id="evt_4"),
    )

    assert await links(database, "sub_1", "in_1", "pi_1", "ch_1", "re_1") == {
        Link(object_id, SESSION_ID) for object_id in ("sub_1", "in_1", "pi_1", "ch_1")
    }


async def test_a_sessions_event_concerns_its_own_payment_alone(database: AnyDatabase) -> None:
    other = session(id="cs_test_other", amount_total=5)
    expired = event("checkout.session.expired", other, id="evt_2")

    await record(database, event(id="evt_1"), expired)

    kept = await payments(database)
    assert kept[SESSION_ID].facts.status is PaymentStatus.PAID
    assert kept["cs_test_other"].facts.status is PaymentStatus.EXPIRED


async def test_a_payment_changes_its_version_once_a_batch(database: AnyDatabase) -> None:
    await record(
        database,
        event(id="evt_1"),
        event("charge.succeeded", charge(), id="evt_2"),
        event("charge.dispute.created", dispute(), id="evt_3"),
    )
    first = (await payment_of(database)).version
    await record(database, event("refund.created", refund(), id="evt_4"))
    await record(database, event("charge.updated", charge(), id="evt_nothing_new"))

    assert first == 1
    assert (await payment_of(database)).version == 2


# --- facts that break a join


def broken(dispute_id: str = "dp_1") -> PaymentFacts:
    """What no reading makes: somebody has been at the row."""
    amount: int = "much"  # type: ignore[assignment]
    known = Dispute(state=DisputeState.OPEN, amount_minor=amount, charge_id="ch_1")
    return PaymentFacts(paid=True, disputes={dispute_id: known})


async def test_a_batch_with_an_event_that_cannot_be_joined_keeps_it_as_failed(
    database: AnyDatabase, alarm: SilentAlarm
) -> None:
    await record(database, event(id="evt_1"))
    kept = await payment_of(database)
    await keep(database, replace(kept, facts=kept.facts.join(broken())))

    await record(
        database,
        event("charge.dispute.closed", dispute(status="lost"), id="evt_2"),
        event("refund.created", refund(amount=5), id="evt_3"),
        alarm=alarm,
    )

    assert await states(database) == {
        "evt_1": EventState.FOLDED,
        "evt_2": EventState.FAILED,
        "evt_3": EventState.FOLDED,
    }
    assert (await payment_of(database)).facts.amount_refunded_minor == 5
    assert alarm.names == [AlertName.EVENT_FOLD_FAILED]


async def test_a_waiting_event_that_cannot_be_joined_when_its_turn_comes_is_not_called_folded(
    database: AnyDatabase, alarm: SilentAlarm
) -> None:
    waiting = event("charge.dispute.created", dispute(payment_intent=None), id="evt_waiting")
    await record(database, event(id="evt_1"))
    await record(database, waiting)
    kept = await payment_of(database)
    await keep(database, replace(kept, facts=kept.facts.join(broken())))

    await record(database, event("charge.succeeded", charge(), id="evt_2"), alarm=alarm)

    assert await states(database) == {
        "evt_1": EventState.FOLDED,
        "evt_2": EventState.FOLDED,
        "evt_waiting": EventState.FAILED,
    }
    assert [(name, words.partition(":")[0]) for name, words in alarm.told] == [
        (AlertName.EVENT_FOLD_FAILED, "evt_waiting")
    ]


async def test_a_waiting_event_whose_payload_is_gone_stays_as_it_is(database: AnyDatabase) -> None:
    await record(database, event("charge.succeeded", charge(), id="evt_waiting"))
    await prune(database, 1)

    await record(database, event())

    assert (await states(database))["evt_waiting"] is EventState.WAITING
    assert await links(database, "ch_1") == set()


async def test_a_waiting_event_that_cannot_be_read_any_more_stays_as_it_is(
    database: AnyDatabase,
) -> None:
    nameless = event("charge.succeeded", charge(id=None), id="evt_waiting")
    await keep(database, kept_event(nameless, EventState.WAITING))
    await mention(database, "pi_1", "evt_waiting")

    await record(database, event())

    assert (await states(database))["evt_waiting"] is EventState.WAITING
