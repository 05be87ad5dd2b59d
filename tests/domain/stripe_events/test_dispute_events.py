import pytest

from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.stripe_events.evidence import Evidence
from tests.support.readings import evidence
from tests.support.stripe_objects import charge, dispute, fraud_warning, review


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("warning_needs_response", DisputeState.OPEN),
        ("warning_under_review", DisputeState.OPEN),
        ("needs_response", DisputeState.OPEN),
        ("under_review", DisputeState.OPEN),
        ("warning_closed", DisputeState.WARNING_CLOSED),
        ("prevented", DisputeState.PREVENTED),
        ("won", DisputeState.WON),
        ("lost", DisputeState.LOST),
    ],
)
def test_a_dispute_stands_as_its_status_says(status: str, state: DisputeState) -> None:
    read = evidence("charge.dispute.updated", dispute(status=status))

    known = Dispute(state=state, amount_minor=1999, charge_id="ch_1", intent_id="pi_1", word=status)
    assert read.facts.disputes["dp_1"].status == status
    assert read == Evidence(None, ("ch_1", "pi_1"), PaymentFacts(disputes={"dp_1": known}))


@pytest.mark.parametrize(
    ("kind", "withdrawn", "reinstated"),
    [
        ("created", False, False),
        ("updated", False, False),
        ("closed", False, False),
        ("funds_withdrawn", True, False),
        ("funds_reinstated", False, True),
    ],
)
def test_a_disputes_money_moves_when_the_events_type_says_so(
    kind: str,
    withdrawn: bool,  # noqa: FBT001 a row of the table
    reinstated: bool,  # noqa: FBT001 a row of the table
) -> None:
    known = evidence(f"charge.dispute.{kind}", dispute()).facts.disputes["dp_1"]

    assert known.funds_withdrawn is withdrawn
    assert known.funds_reinstated is reinstated


@pytest.mark.parametrize("status", [None, "", "WON", "of_tomorrow", 7, True, [], {}])
def test_a_dispute_of_an_unknown_status_counts_as_open_and_is_doubted(status: object) -> None:
    read = evidence("charge.dispute.updated", dispute(status=status))

    assert read.facts.disputes["dp_1"].state is DisputeState.OPEN
    assert read.doubts == ("data.object.status is missing or unknown",)


def test_a_disputes_charge_and_intent_may_be_expanded() -> None:
    read = evidence(
        "charge.dispute.created", dispute(charge=charge(), payment_intent={"id": "pi_1"})
    )

    assert read.object_ids == ("ch_1", "pi_1")


# --- reviews and fraud warnings


@pytest.mark.parametrize(("type_", "closed"), [("review.opened", False), ("review.closed", True)])
def test_a_review_is_open_until_it_is_closed(
    type_: str,
    closed: bool,  # noqa: FBT001 a row of the table
) -> None:
    read = evidence(type_, review())

    assert read == Evidence(None, ("pi_1",), PaymentFacts(reviews={"prv_1": Review(closed=closed)}))


@pytest.mark.parametrize("kind", ["created", "updated"])
def test_a_fraud_warning_is_kept_by_its_id(kind: str) -> None:
    read = evidence(f"radar.early_fraud_warning.{kind}", fraud_warning(payment_intent="pi_1"))

    warning = FraudWarning(charge_id="ch_1", intent_id="pi_1")
    facts = PaymentFacts(fraud_warnings={"issfr_1": warning})
    assert read == Evidence(None, ("ch_1", "pi_1"), facts)


@pytest.mark.parametrize(
    ("actionable", "answered"),
    [(False, True), (True, False), (None, False), (0, False), ("false", False)],
)
def test_a_fraud_warning_is_answered_once_stripe_says_that_it_asks_for_nothing(
    actionable: object, *, answered: bool
) -> None:
    read = evidence("radar.early_fraud_warning.updated", fraud_warning(actionable=actionable))

    assert read.facts.fraud_warnings["issfr_1"].answered is answered
