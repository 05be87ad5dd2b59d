"""Events that connect two payments are refused, and neither payment gets the other's facts."""

import itertools
from collections.abc import Sequence

import pytest

from app.databases import AnyDatabase
from app.domain.fold.rebuild import Verdict
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.kinship import JOINS_TWO, ROOT_OF_ANOTHER
from app.usecases.ports import AlertName
from app.usecases.rebuild_payments import RebuildPayments
from tests.support.builders import NOW_S, Document, FixedClock, SilentAlarm, event, session
from tests.support.recording import mention, payments, prune, record, rows
from tests.support.stripe_objects import charge, dispute, old_invoice, refund, subscription

ONCE, SUBSCRIBED = "cs_test_once", "cs_test_subscribed"

# A buyer has paid 1,000 once, another one subscribes. Then a renewal's bill names both intents.
PAID_ONCE = event(
    id="evt_once",
    subject=session(id=ONCE, payment_intent="pi_once", amount_total=1000, success_url=""),
)
PAID_FIRST = event(
    id="evt_subscribed",
    subject=session(
        id=SUBSCRIBED,
        mode="subscription",
        payment_intent=None,
        subscription="sub_1",
        invoice="in_1",
        amount_total=9000,
        success_url="",
    ),
)
ODD_RENEWAL = event(
    "invoice.paid",
    old_invoice(
        id="in_2",
        billing_reason="subscription_cycle",
        payment_intent="pi_renewal",
        charge="ch_renewal",
        payments={"data": [{"payment": {"payment_intent": "pi_once"}}]},
    ),
    id="evt_odd",
    created=NOW_S + 5,
)
CHARGED = event(
    "charge.succeeded", charge(id="ch_renewal", payment_intent="pi_renewal"), id="evt_charged"
)
RENEWAL_BACK = event(
    "refund.created",
    refund(id="re_2", amount=9000, charge="ch_renewal", payment_intent="pi_renewal"),
    id="evt_refund",
)
RENEWAL_FOUGHT = event(
    "charge.dispute.created",
    dispute(id="dp_2", amount=9000, charge="ch_renewal", payment_intent="pi_renewal"),
    id="evt_dispute",
)
ONCE_BACK = event(
    "refund.created",
    refund(id="re_1", amount=400, charge="ch_once", payment_intent="pi_once"),
    id="evt_once_refund",
)
TOLD = [PAID_ONCE, PAID_FIRST, ODD_RENEWAL, RENEWAL_BACK, RENEWAL_FOUGHT, ONCE_BACK]


async def ended(database: AnyDatabase) -> dict[str, tuple[PaymentStatus, int]]:
    kept = await payments(database)
    return {
        session_id: (payment.facts.status, payment.facts.amount_refunded_minor)
        for session_id, payment in kept.items()
    }


async def verdicts(database: AnyDatabase) -> set[Verdict]:
    rebuild = RebuildPayments(database=database, clock=FixedClock())
    return {rebuilt.verdict async for rebuilt in rebuild()}


@pytest.mark.parametrize("first", range(len(TOLD)))
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
async def test_a_bill_that_names_two_payments_is_refused_and_touches_neither(
    database: AnyDatabase, alarm: SilentAlarm, *, first: int, is_reversed: bool, at_once: bool
) -> None:
    order = TOLD[first:] + TOLD[:first]
    order = order[::-1] if is_reversed else order
    for documents in [order] if at_once else [[document] for document in order]:
        await record(database, *documents, alarm=alarm)
    for document in order:
        await record(database, document)

    assert await ended(database) == {
        ONCE: (PaymentStatus.PARTIALLY_REFUNDED, 400),
        SUBSCRIBED: (PaymentStatus.PAID, 0),
    }
    kept = await rows(database)
    assert (kept["evt_odd"].state, kept["evt_odd"].reason) == (EventState.FAILED, JOINS_TWO)
    assert {kept[name].state for name in ("evt_once", "evt_subscribed", "evt_once_refund")} == {
        EventState.FOLDED
    }
    assert {kept[name].state for name in ("evt_refund", "evt_dispute")} == {EventState.WAITING}
    assert [words.partition(":")[0] for name, words in alarm.told] == ["evt_odd"]
    assert alarm.names == [AlertName.EVENT_FOLD_FAILED]
    assert await verdicts(database) == {Verdict.SAME}


FIRST, LATER = "cs_test_zz_first", "cs_test_aa_later"
NAMES_IT_FIRST = event(id="evt_first", subject=session(id=FIRST, success_url=""))
NAMES_IT_LATER = event(
    id="evt_later", subject=session(id=LATER, success_url=""), created=NOW_S + 60
)
BACK = event("refund.created", refund(amount=1999), id="evt_back")


@pytest.mark.parametrize(
    "order", list(itertools.permutations([NAMES_IT_FIRST, NAMES_IT_LATER, BACK]))
)
async def test_an_intent_that_two_sessions_name_is_the_first_ones(
    database: AnyDatabase, alarm: SilentAlarm, order: Sequence[Document]
) -> None:
    for document in order:
        await record(database, document, alarm=alarm)

    assert await ended(database) == {
        FIRST: (PaymentStatus.REFUNDED, 1999),
        LATER: (PaymentStatus.PAID, 0),
    }
    kept = await rows(database)
    assert kept["evt_first"].state is EventState.FOLDED
    assert (kept["evt_later"].state, kept["evt_later"].reason) == (
        EventState.FAILED,
        ROOT_OF_ANOTHER,
    )
    assert AlertName.EVENT_FOLD_FAILED in alarm.names
    assert await verdicts(database) == {Verdict.SAME}


async def test_another_intent_that_an_odd_bill_names_does_not_count_for_who_pays_once(
    database: AnyDatabase,
) -> None:
    await record(database, PAID_ONCE)
    for document in (ODD_RENEWAL, CHARGED, RENEWAL_BACK, RENEWAL_FOUGHT):
        await record(database, document)

    assert await ended(database) == {ONCE: (PaymentStatus.PAID, 0)}


async def test_what_only_a_refused_event_had_joined_waits_again(database: AnyDatabase) -> None:
    await record(database, PAID_FIRST, ODD_RENEWAL, RENEWAL_BACK)
    before = {name: row.state for name, row in (await rows(database)).items()}

    await record(database, PAID_ONCE)

    assert before["evt_refund"] is EventState.FOLDED
    assert (await rows(database))["evt_refund"].state is EventState.WAITING
    assert (await payments(database))[SUBSCRIBED].facts.renewals_paid == 0


# A subscription's event concerns two payments. They lead on to a third one, of which the same batch
# brings news.
SHARES_INTENT = event(
    id="evt_shares_intent", subject=session(id="cs_test_b", subscription="sub_1", success_url="")
)
SHARES_SUBSCRIPTION = event(
    id="evt_shares_subscription",
    subject=session(id="cs_test_c", payment_intent=None, subscription="sub_1", success_url=""),
)
NAMES_ANOTHER = event(
    id="evt_another", subject=session(id=FIRST, payment_intent="pi_2", success_url="")
)
ANOTHER_BACK = event(
    "refund.created", refund(amount=1999, charge=None, payment_intent="pi_2"), id="evt_another_back"
)
SUBSCRIPTION = event("customer.subscription.created", subscription(), id="evt_subscription")


@pytest.mark.parametrize("step", [1, -1])
async def test_news_of_a_payment_that_a_tangle_leads_to_counts(
    database: AnyDatabase, step: int
) -> None:
    await record(database, NAMES_IT_FIRST, SHARES_INTENT, SHARES_SUBSCRIPTION)

    await record(database, *[NAMES_ANOTHER, ANOTHER_BACK, SUBSCRIPTION][::step])

    facts = (await payments(database))[FIRST].facts
    assert facts.intent_ids == ("pi_1", "pi_2")
    assert facts.status is PaymentStatus.REFUNDED
    assert await verdicts(database) == {Verdict.SAME}


# --- what can no longer be read


async def test_what_events_without_a_payload_have_proven_stays(database: AnyDatabase) -> None:
    await record(database, PAID_ONCE)
    await record(database, ONCE_BACK)
    await prune(database, 2)
    await record(database, PAID_FIRST)

    await record(database, ODD_RENEWAL)

    assert await ended(database) == {
        ONCE: (PaymentStatus.PARTIALLY_REFUNDED, 400),
        SUBSCRIBED: (PaymentStatus.PAID, 0),
    }


async def test_events_that_say_nothing_of_a_payment_change_nothing(database: AnyDatabase) -> None:
    broken = event("charge.succeeded", charge(id=None), id="evt_broken")
    silent = event("product.created", {"id": "prod_1", "object": "product"}, id="evt_silent")
    await record(database, PAID_ONCE, PAID_FIRST, broken, silent)
    for event_id in ("evt_broken", "evt_silent"):
        await mention(database, "pi_once", event_id)

    await record(database, ODD_RENEWAL)

    kept = await rows(database)
    assert kept["evt_silent"].state is EventState.RECORDED
    assert kept["evt_odd"].state is EventState.FAILED


async def test_a_partly_understood_event_says_so_among_entangled_ones_too(
    database: AnyDatabase,
) -> None:
    odd = event(
        "refund.updated",
        refund(id="re_odd", amount=5, charge=None, payment_intent="pi_once", status="new"),
        id="evt_part",
    )
    await record(database, PAID_ONCE, PAID_FIRST, odd)

    await record(database, ODD_RENEWAL)

    assert (await rows(database))["evt_part"].reason == "data.object.status is missing or unknown"
    assert (await ended(database))[ONCE] == (PaymentStatus.PARTIALLY_REFUNDED, 5)
