import pytest

from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.subscriptions import Invoice
from app.domain.stripe_events.evidence import CannotFoldError, Evidence
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import NOW_S, Document
from tests.support.readings import evidence, stripe_event
from tests.support.stripe_objects import (
    charge,
    listing,
    payment_intent,
    refund,
)

CHARGE_EVENTS = [
    "charge.captured",
    "charge.expired",
    "charge.failed",
    "charge.pending",
    "charge.refunded",
    "charge.succeeded",
    "charge.updated",
]
REFUND_EVENTS = ["refund.created", "refund.updated", "charge.refund.updated"]
DOUBT_OF_STATUS = ("data.object.status is missing or unknown",)
UNKNOWN_STATUSES: list[object] = ["", "SUCCEEDED", "of_tomorrow", 7, True, [], {}]

# --- payment intents


@pytest.mark.parametrize(
    ("type_", "state"),
    [
        ("payment_intent.payment_failed", IntentState.ATTEMPT_FAILED),
        ("payment_intent.canceled", IntentState.CANCELED),
    ],
)
def test_an_intent_stands_as_its_events_type_says(type_: str, state: IntentState) -> None:
    read = evidence(type_, payment_intent())

    assert read == Evidence(
        None, ("pi_1", "ch_1"), PaymentFacts(intents={"pi_1": Intent(state=state)})
    )


@pytest.mark.parametrize(
    ("fields", "sums_minor", "currency"),
    [
        ({"amount_received": 1500}, (1999, 1500), "eur"),
        ({"amount_received": 0, "currency": "usd"}, (1999, 0), "usd"),
        ({}, (1999, None), "eur"),
        ({"amount": "1", "amount_received": "1500", "currency": 7}, (None, None), None),
    ],
)
def test_a_succeeded_intent_has_its_time_and_amounts(
    fields: Document, sums_minor: tuple[int | None, int | None], currency: str | None
) -> None:
    read = evidence("payment_intent.succeeded", payment_intent(**fields))

    known = Intent(
        state=IntentState.SUCCEEDED,
        succeeded_at_s=NOW_S,
        amount_minor=sums_minor[0],
        received_minor=sums_minor[1],
        currency=currency,
    )
    assert read.facts == PaymentFacts(intents={"pi_1": known})


@pytest.mark.parametrize("kind", ["created", "processing", "requires_action", "of_tomorrow"])
def test_any_other_event_of_an_intent_only_links(kind: str) -> None:
    read = evidence(f"payment_intent.{kind}", payment_intent())

    assert read == Evidence(None, ("pi_1", "ch_1"), PaymentFacts())


def test_an_intents_charge_may_be_expanded() -> None:
    read = evidence("payment_intent.succeeded", payment_intent(latest_charge=charge(id="ch_7")))

    assert read.object_ids == ("pi_1", "ch_7")


def test_an_old_intent_holds_its_charges_and_names_the_invoice_that_it_pays() -> None:
    old = payment_intent(
        latest_charge=None, invoice="in_1", charges=listing(charge(id="ch_1"), charge(id="ch_2"))
    )

    read = evidence("payment_intent.succeeded", old)

    assert read.object_ids == ("pi_1", "in_1", "ch_1", "ch_2")
    assert read.facts.invoices == {"in_1": Invoice(payment_ids=("pi_1",))}


# --- charges


@pytest.mark.parametrize("type_", CHARGE_EVENTS)
def test_a_charge_of_which_nothing_has_gone_back_only_links(type_: str) -> None:
    assert evidence(type_, charge()) == Evidence(None, ("ch_1", "pi_1"), PaymentFacts())


@pytest.mark.parametrize("type_", CHARGE_EVENTS)
def test_every_event_of_a_charge_reports_what_has_gone_back(type_: str) -> None:
    read = evidence(type_, charge(amount_refunded=500))

    assert read.facts == PaymentFacts(
        charges={"ch_1": Charge(refunded_minor=500, intent_id="pi_1")}
    )
    assert read.doubts == ()


@pytest.mark.parametrize("amount", [None, -1, 5.0, "500", True, 2**53, float("nan"), [], {}])
def test_a_charge_that_does_not_say_how_much_has_gone_back_is_doubted(amount: object) -> None:
    read = evidence("charge.refunded", charge(amount_refunded=amount))

    assert read.doubts == ("data.object.amount_refunded is missing or unknown",)
    assert read.facts.charges == {}
    assert read.object_ids == ("ch_1", "pi_1")


def test_a_charges_intent_may_be_expanded() -> None:
    read = evidence("charge.refunded", charge(amount_refunded=5, payment_intent=payment_intent()))

    assert read.object_ids == ("ch_1", "pi_1")
    assert read.facts.charges["ch_1"].intent_id == "pi_1"


@pytest.mark.parametrize(("intent", "payer"), [("pi_1", "pi_1"), (None, "ch_1")])
def test_an_old_charge_names_the_invoice_that_it_pays(intent: str | None, payer: str) -> None:
    read = evidence("charge.succeeded", charge(payment_intent=intent, invoice="in_1"))

    assert read.object_ids[-1] == "in_1"
    assert read.facts.invoices == {"in_1": Invoice(payment_ids=(payer,))}


def test_an_old_charge_holds_its_refunds() -> None:
    held = listing(
        refund(id="re_1", amount=300, charge=None),
        refund(id="re_2", amount=200, charge="ch_of_nobody", status="pending"),
    )

    read = evidence("charge.refunded", charge(amount_refunded=500, refunds=held))

    one = Refund(
        state=RefundState.SUCCEEDED,
        amount_minor=300,
        charge_id="ch_1",
        intent_id="pi_1",
        word="succeeded",
    )
    other = Refund(
        state=RefundState.PENDING,
        amount_minor=200,
        charge_id="ch_1",
        intent_id="pi_1",
        word="pending",
    )
    assert read.facts.refunds == {"re_1": one, "re_2": other}
    assert read.doubts == ()


@pytest.mark.parametrize("broken", [{"id": None}, {"id": "re 1"}, {"amount": None}, {"amount": -1}])
def test_a_held_refund_that_says_nothing_is_doubted_and_its_neighbour_read(
    broken: Document,
) -> None:
    held = listing(refund(**broken), refund(id="re_2"))

    read = evidence("charge.refunded", charge(amount_refunded=500, refunds=held))

    assert list(read.facts.refunds) == ["re_2"]
    assert read.doubts == ("data.object.refunds is missing or unknown",)


def test_a_doubt_that_many_held_refunds_raise_is_told_once() -> None:
    held = listing(*(refund(id=f"re_{number}", status="of_tomorrow") for number in range(9)))

    read = evidence("charge.refunded", charge(amount_refunded=500, refunds=held))

    assert read.doubts == DOUBT_OF_STATUS
    assert len(read.facts.refunds) == 9


# --- refunds


@pytest.mark.parametrize("type_", REFUND_EVENTS)
@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("pending", RefundState.PENDING),
        ("requires_action", RefundState.PENDING),
        ("succeeded", RefundState.SUCCEEDED),
        ("failed", RefundState.FAILED),
        ("canceled", RefundState.FAILED),
    ],
)
def test_a_refund_stands_as_its_status_says(type_: str, status: str, state: RefundState) -> None:
    read = evidence(type_, refund(status=status))

    known = Refund(state=state, amount_minor=500, charge_id="ch_1", intent_id="pi_1", word=status)
    assert read.facts.refunds["re_1"].status == status
    assert read == Evidence(None, ("ch_1", "pi_1"), PaymentFacts(refunds={"re_1": known}))


@pytest.mark.parametrize("status", ["succeeded", "pending", "failed"])
def test_a_refund_failed_event_counts_for_any_status_of_its_object(status: str) -> None:
    read = evidence("refund.failed", refund(status=status))

    known = Refund(
        state=RefundState.FAILED,
        amount_minor=500,
        charge_id="ch_1",
        intent_id="pi_1",
        word="failed",
    )
    assert read.facts.refunds == {"re_1": known}
    assert read.doubts == ()


@pytest.mark.parametrize("status", UNKNOWN_STATUSES)
def test_a_refund_of_an_unknown_status_counts_as_pending_and_is_doubted(status: object) -> None:
    read = evidence("refund.updated", refund(status=status))

    assert read.facts.refunds["re_1"].state is RefundState.PENDING
    assert read.doubts == DOUBT_OF_STATUS


@pytest.mark.parametrize("no_status", [{"status": None}, {}])
def test_a_refund_without_a_status_counts_and_is_not_doubted(no_status: Document) -> None:
    bare = {"id": "re_1", "object": "refund", "amount": 700, "charge": "ch_1", **no_status}
    held = evidence("charge.refunded", charge(amount_refunded=700, refunds=listing(bare)))

    for read in (evidence("refund.created", bare), held):
        assert read.facts.amount_refunded_minor == 700
        assert read.facts.refunds["re_1"].state is RefundState.PENDING
        assert read.doubts == ()


def test_a_refund_of_an_unknown_status_in_a_charges_list_counts_and_is_doubted() -> None:
    held = charge(amount_refunded=0, refunds=listing(refund(status="of_tomorrow")))

    read = evidence("charge.updated", held)

    assert read.facts.amount_refunded_minor == 500
    assert read.doubts == DOUBT_OF_STATUS


def test_a_refunds_charge_and_intent_may_be_expanded() -> None:
    read = evidence("refund.created", refund(charge=charge(), payment_intent=payment_intent()))

    assert read.object_ids == ("ch_1", "pi_1")
    assert read.facts.refunds["re_1"].charge_id == "ch_1"
    assert read.facts.refunds["re_1"].intent_id == "pi_1"


def test_a_refund_of_nothing_known_is_about_no_payment() -> None:
    assert evidence("refund.created", refund(charge=None, payment_intent=None)).object_ids == ()


# --- what cannot be folded


@pytest.mark.parametrize("id_", [None, "", 7, "re 1", "é", "x" * 256, [], {}])
@pytest.mark.parametrize(
    "type_",
    [
        "payment_intent.succeeded",
        "charge.refunded",
        "refund.created",
        "charge.dispute.created",
        "radar.early_fraud_warning.created",
        "review.opened",
    ],
)
def test_an_object_without_its_id_cannot_be_folded(type_: str, id_: object) -> None:
    odd = stripe_event(type_, {"id": id_, "amount": 5, "status": "pending"})

    with pytest.raises(CannotFoldError, match=r"data\.object\.id"):
        read_evidence(odd)


@pytest.mark.parametrize("amount", [None, -1, 5.0, "500", True, 2**53, 10**400, [], {}])
@pytest.mark.parametrize("type_", [*REFUND_EVENTS, "refund.failed", "charge.dispute.created"])
def test_a_refund_or_dispute_without_its_amount_cannot_be_folded(
    type_: str, amount: object
) -> None:
    odd = stripe_event(type_, refund(amount=amount))

    with pytest.raises(CannotFoldError, match=r"data\.object\.amount is not an amount"):
        read_evidence(odd)
