"""Payments in every order of events, one by one and at once, end in the same state."""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import orjson
import pytest

from app.databases import AnyDatabase
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from tests.support.builders import Document, event, session
from tests.support.recording import (
    payments,
    record,
    states,
)
from tests.support.stripe_objects import (
    charge,
    dispute,
    invoice,
    invoice_payment,
    old_invoice,
    refund,
    subscription,
)

MARK = "_MARK"  # a part of every id in a story, so that it can be told again with other ids
SUBSCRIBED = session(
    id=f"cs{MARK}", mode="subscription", payment_intent=None, subscription=f"sub{MARK}"
)
ONCE = session(id=f"cs{MARK}", payment_intent=f"pi{MARK}")


def _event(type_: str, subject: Document, name: str = "") -> Document:
    return event(type_, subject, id=f"evt{MARK}_{name or type_.replace('.', '_')}")


COMPLETED = _event("checkout.session.completed", ONCE)
CHARGED = _event("charge.succeeded", charge(id=f"ch{MARK}", payment_intent=f"pi{MARK}"))
DISPUTED = _event(
    "charge.dispute.created",
    dispute(id=f"dp{MARK}", charge=f"ch{MARK}", payment_intent=None),
)
STORIES = {
    "a dispute that names the charge alone": [COMPLETED, CHARGED, DISPUTED],
    "a payment intent that two sessions name": [
        COMPLETED,
        _event(
            "checkout.session.completed",
            session(id=f"cs{MARK}_other", payment_intent=f"pi{MARK}"),
            name="other",
        ),
        CHARGED,
        DISPUTED,
    ],
    "a renewal that is refunded": [
        _event("checkout.session.completed", SUBSCRIBED),
        _event(
            "invoice.paid",
            json.loads(
                json.dumps(invoice(billing_reason="subscription_cycle"))
                .replace("in_1", f"in{MARK}")
                .replace("sub_1", f"sub{MARK}")
                .replace("pi_1", f"pi{MARK}")
            ),
        ),
        CHARGED,
        _event(
            "refund.created",
            refund(id=f"re{MARK}", charge=f"ch{MARK}", payment_intent=f"pi{MARK}"),
        ),
    ],
    "an invoice of before 2025-03-31": [
        _event("checkout.session.completed", SUBSCRIBED),
        _event(
            "invoice.paid",
            old_invoice(
                id=f"in{MARK}",
                subscription=f"sub{MARK}",
                payment_intent=None,
                charge=f"ch{MARK}",
            ),
        ),
        DISPUTED,
    ],
    "a payment that only its invoice's payment tells of": [
        _event("checkout.session.completed", SUBSCRIBED),
        _event(
            "customer.subscription.created",
            subscription(id=f"sub{MARK}", latest_invoice=f"in{MARK}"),
        ),
        _event(
            "invoice_payment.paid",
            invoice_payment(
                invoice=f"in{MARK}",
                payment={"type": "payment_intent", "payment_intent": f"pi{MARK}"},
            ),
        ),
        CHARGED,
        DISPUTED,
    ],
}


def told(story: Sequence[Document], number: int) -> list[Document]:
    """The same story of another payment."""
    documents: list[Document] = json.loads(json.dumps(story).replace(MARK, mark(number)))
    return documents


def mark(number: int) -> str:
    """Nothing else has an x after a line."""
    return f"_x{number:03}"


def orders(story: Sequence[Document]) -> Iterator[tuple[int, list[Document]]]:
    for number, order in enumerate(itertools.permutations(range(len(story)))):
        documents = told(story, number)
        yield number, [documents[position] for position in order]


async def outcomes(database: AnyDatabase) -> dict[str, set[bytes]]:
    """The facts of each story's payments, without its number, by that number's mark."""
    found: dict[str, set[bytes]] = defaultdict(set)
    for payment in (await payments(database)).values():
        told_as = payment.session_id.removeprefix("cs").removesuffix("_other")
        facts = orjson.dumps(
            [payment.session_id, asdict(payment.facts)], option=orjson.OPT_SORT_KEYS
        )
        found[told_as].add(facts.replace(told_as.encode(), MARK.encode()))
    return found


@pytest.mark.thorough
@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("is_one_batch", [False, True], ids=["one by one", "in one batch"])
async def test_every_order_of_a_story_ends_in_one_state(
    database: AnyDatabase, name: str, *, is_one_batch: bool
) -> None:
    told_as = {mark(number): documents for number, documents in orders(STORIES[name])}
    for documents in told_as.values():
        for group in [documents] if is_one_batch else [[each] for each in documents]:
            await record(database, *group)

    found = await outcomes(database)
    assert found.keys() == told_as.keys()
    for each, documents in told_as.items():
        assert found[each] == found[mark(0)], documents
    odd = {state for id_, state in (await states(database)).items() if id_.endswith("_other")}
    assert odd <= {EventState.FAILED}  # it names what belongs to another session
    assert set((await states(database)).values()) - odd == {EventState.FOLDED}


async def test_the_stories_reach_their_payments(database: AnyDatabase) -> None:
    for number, story in enumerate(STORIES.values()):
        await record(database, *told(story, number))

    kept = await payments(database)

    assert {session_id: payment.facts.status for session_id, payment in kept.items()} == {
        "cs_x000": PaymentStatus.DISPUTED,
        "cs_x001": PaymentStatus.DISPUTED,
        "cs_x001_other": PaymentStatus.PAID,  # the other one had the intent first
        "cs_x002": PaymentStatus.PAID,  # what was refunded is the renewal
        "cs_x003": PaymentStatus.DISPUTED,
        "cs_x004": PaymentStatus.DISPUTED,
    }
    assert kept["cs_x002"].facts.renewals_paid == 1
