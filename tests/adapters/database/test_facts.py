import json

from hypothesis import given
from hypothesis import strategies as st

from app.adapters.database.facts import facts_from_json, facts_to_json
from app.domain.checkout.cart import Mode
from app.domain.payments.disputes import FraudWarning
from app.domain.payments.facts import PaymentFacts
from tests.support.builders import CHECKOUT_ID

FACTS = st.builds(
    PaymentFacts,
    paid=st.booleans(),
    paid_at_s=st.none() | st.integers(0, 2**53 - 1),
    awaits_bank=st.booleans(),
    bank_failed=st.booleans(),
    expired=st.booleans(),
    mode=st.none() | st.sampled_from(Mode),
    amount_total_minor=st.none() | st.integers(0, 2**53 - 1),
    amount_subtotal_minor=st.none() | st.integers(0, 2**53 - 1),
    currency=st.none() | st.just("eur"),
    checkout_id=st.none() | st.just(CHECKOUT_ID),
)


@given(FACTS)
def test_facts_are_read_back_as_they_were_written(facts: PaymentFacts) -> None:
    read = facts_from_json(facts_to_json(facts))

    assert read == facts
    assert read.mode is facts.mode


def test_only_what_is_proven_is_written() -> None:
    assert facts_to_json(PaymentFacts()) == "{}"


def test_an_amount_of_nothing_and_the_first_second_are_facts_too() -> None:
    text = facts_to_json(PaymentFacts(amount_total_minor=0, paid_at_s=0))

    assert json.loads(text) == {"paid_at_s": 0, "amount_total_minor": 0}


def test_facts_of_a_row_that_was_written_before_a_fact_was_known_are_read() -> None:
    assert facts_from_json('{"paid":true}') == PaymentFacts(paid=True)


def test_fraud_warnings_of_a_row_that_had_only_their_ids_are_read() -> None:
    ids = '"fraud_warning_ids":["issfr_1","issfr_2"]'
    first, second = FraudWarning(), FraudWarning(answered=True)

    assert facts_from_json(f'{{{ids},"answered_warning_ids":["issfr_2"]}}') == PaymentFacts(
        fraud_warnings={"issfr_1": first, "issfr_2": second}
    )
    assert facts_from_json(f"{{{ids}}}") == PaymentFacts(
        fraud_warnings={"issfr_1": first, "issfr_2": first}
    )


def test_the_text_is_what_rows_hold_already() -> None:
    facts = PaymentFacts(paid=True, paid_at_s=7, mode=Mode.SUBSCRIPTION, currency="eur")

    assert json.loads(facts_to_json(facts)) == {
        "paid": True,
        "paid_at_s": 7,
        "mode": "subscription",
        "currency": "eur",
    }
