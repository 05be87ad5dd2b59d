"""A fraud warning is about one payment, and only what happens to that payment ends it."""

from collections.abc import Sequence

import pytest

from app.domain.payments.flags import Flag, open_matters
from app.domain.payments.renewals import set_apart
from app.domain.stripe_events.evidence import Evidence
from tests.domain.payments.test_holds import in_every_order
from tests.support.builders import Document
from tests.support.readings import evidence, evidence_of_session, fold
from tests.support.stripe_objects import (
    charge,
    dispute,
    fraud_warning,
    invoice,
    listing,
    payment_intent,
    refund,
)

SESSION = evidence_of_session(
    mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"
)
FIRST = evidence("invoice.paid", invoice())
FIRST_REFUNDED = evidence("refund.created", refund(amount=1999))
FIRST_DISPUTED = evidence("charge.dispute.created", dispute(status="won"))
PAID_BY = listing({"payment": {"payment_intent": "pi_2"}})
RENEWAL = evidence(
    "invoice.paid", invoice(id="in_2", billing_reason="subscription_cycle", payments=PAID_BY)
)
SUCCEEDED = evidence("payment_intent.succeeded", payment_intent(id="pi_2", latest_charge="ch_2"))
OF_RENEWAL = {"charge": "ch_2", "payment_intent": "pi_2"}
WHOLE = refund(id="re_2", amount=1999, **OF_RENEWAL)


def warning(**ids: object) -> Evidence:
    return evidence("radar.early_fraud_warning.created", fraud_warning(**ids))


def is_open(*told: Evidence) -> bool:
    facts = in_every_order(*told) if len(told) < 7 else fold(*told)
    return Flag.FRAUD_WARNING in open_matters(facts)


@pytest.mark.parametrize("other", [FIRST_REFUNDED, FIRST_DISPUTED])
def test_what_happens_to_the_first_payment_ends_no_warning_of_a_renewal(other: Evidence) -> None:
    told = [SESSION, FIRST, RENEWAL, SUCCEEDED, other]

    assert is_open(*told, warning(**OF_RENEWAL))
    assert not is_open(*told, warning(payment_intent="pi_1"))


@pytest.mark.parametrize("known", [[SUCCEEDED], []])
@pytest.mark.parametrize("ids", [OF_RENEWAL, {"charge": "ch_2"}])
def test_a_warning_of_a_renewal_ends_with_its_whole_refund(
    known: Sequence[Evidence], ids: Document
) -> None:
    """An older version stored no amount with the intent; then the invoice's counts."""
    told = [SESSION, RENEWAL, *known, warning(**ids)]
    linked = charge(id="ch_2", payment_intent="pi_2", amount_refunded=1998)
    part = evidence("charge.refunded", linked)

    assert is_open(*told)
    assert is_open(*told, part)
    assert not is_open(*told, part, evidence("refund.created", WHOLE))


@pytest.mark.parametrize("known_by", ["charge", "payment_intent"])
def test_a_warning_of_a_renewal_ends_with_its_dispute(known_by: str) -> None:
    disputed = dispute(id="dp_2", charge=None, payment_intent=None) | {
        known_by: OF_RENEWAL[known_by]
    }

    told = [SESSION, RENEWAL, warning(**OF_RENEWAL)]
    assert not is_open(*told, evidence("charge.dispute.created", disputed))


def test_a_warning_of_a_renewal_whose_sum_is_unknown_stays_open() -> None:
    unpaid = invoice(id="in_2", billing_reason="subscription_cycle", payments=PAID_BY)
    del unpaid["amount_paid"]
    told = [SESSION, evidence("invoice.paid", unpaid), warning(**OF_RENEWAL)]

    assert is_open(*told, evidence("refund.created", WHOLE))


def test_a_warning_of_a_renewal_is_set_apart_with_it() -> None:
    first, apart = set_apart(fold(SESSION, RENEWAL, warning(**OF_RENEWAL)))

    assert not first.fraud_warnings
    assert open_matters(apart["in_2"]) == {Flag.FRAUD_WARNING: frozenset({"issfr_1"})}
