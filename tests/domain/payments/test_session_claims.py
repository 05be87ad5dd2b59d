"""Which sessions belong to a checkout, and which have another price."""

from dataclasses import replace

import pytest

from app.domain.money import ExpectedSubtotal
from app.domain.payments.claims import SoldCheckout, is_foreign, is_mismatch, is_owner, order_id_of
from app.domain.payments.facts import PaymentFacts
from tests.support.builders import CHECKOUT_ID, SESSION_ID

PRICE = ExpectedSubtotal(amount_minor=500, currency="eur")
NAMELESS = SoldCheckout(id=CHECKOUT_ID, session_id=None, key_digest="d", expected=PRICE)
OLD = replace(NAMELESS, key_digest=None)
KNOWN = replace(NAMELESS, session_id=SESSION_ID)
RIGHT = PaymentFacts(checkout_key_digest="d", amount_subtotal_minor=500, currency="eur")
CHEAP = replace(RIGHT, amount_subtotal_minor=1)
STRANGER = replace(CHEAP, checkout_key_digest="e")
RECOVERED = replace(CHEAP, recovered_from=SESSION_ID)


@pytest.mark.parametrize(
    ("sold", "facts", "owns"),
    [
        (NAMELESS, RIGHT, True),
        (NAMELESS, CHEAP, False),
        (NAMELESS, STRANGER, False),
        (replace(NAMELESS, expected=None), CHEAP, True),
        (OLD, replace(RIGHT, checkout_key_digest=None), True),
        (KNOWN, RIGHT, False),
    ],
)
def test_a_session_is_a_checkouts_own_by_the_secret_and_the_subtotal(
    sold: SoldCheckout,
    facts: PaymentFacts,
    owns: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert is_owner(sold, facts) is owns


@pytest.mark.parametrize("digest", ["", "c", "dd", "e", None])
def test_no_other_secret_than_the_checkouts_makes_a_session_its_own(digest: str | None) -> None:
    other = replace(RIGHT, checkout_key_digest=digest)

    assert not is_owner(NAMELESS, other)
    assert is_foreign(other, NAMELESS)


@pytest.mark.parametrize(
    ("sold", "facts", "foreign"),
    [(NAMELESS, STRANGER, True), (NAMELESS, CHEAP, False), (KNOWN, STRANGER, False)],
)
def test_a_session_without_the_secret_is_foreign_to_a_checkout_that_knows_none(
    sold: SoldCheckout,
    facts: PaymentFacts,
    foreign: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert is_foreign(facts, sold) is foreign
    assert not is_foreign(facts, None)


@pytest.mark.parametrize(
    ("sold", "session_id", "facts", "mismatch"),
    [
        (KNOWN, SESSION_ID, STRANGER, True),
        (KNOWN, SESSION_ID, RIGHT, False),
        (KNOWN, "cs_spare", CHEAP, False),
        (KNOWN, "cs_new", RECOVERED, True),
        (replace(KNOWN, key_digest=None), "cs_new", RECOVERED, False),
        (NAMELESS, "cs_new", CHEAP, True),
        (NAMELESS, "cs_new", STRANGER, False),
        (replace(NAMELESS, expected=None), "cs_new", CHEAP, False),
    ],
)
def test_only_a_session_that_is_the_checkouts_own_is_compared_with_its_price(
    sold: SoldCheckout,
    session_id: str,
    facts: PaymentFacts,
    mismatch: bool,  # noqa: FBT001 a row of the table
) -> None:
    assert is_mismatch(session_id, facts, sold) is mismatch
    assert not is_mismatch(session_id, facts, None)


@pytest.mark.parametrize(
    ("sold", "facts", "order_id"),
    [
        (None, RIGHT, SESSION_ID),
        (KNOWN, CHEAP, CHECKOUT_ID),
        (NAMELESS, RIGHT, CHECKOUT_ID),
        (NAMELESS, CHEAP, SESSION_ID),
        (NAMELESS, STRANGER, SESSION_ID),
        (replace(KNOWN, session_id="cs_test_b2"), RIGHT, SESSION_ID),
        (replace(KNOWN, session_id="cs_test_b2"), RECOVERED, CHECKOUT_ID),
        (
            replace(KNOWN, session_id="cs_test_b2"),
            replace(STRANGER, recovered_from="cs_test_b2"),
            SESSION_ID,
        ),
    ],
)
def test_an_order_has_its_checkouts_id_or_its_sessions(
    sold: SoldCheckout | None, facts: PaymentFacts, order_id: str
) -> None:
    assert order_id_of(SESSION_ID, facts, sold) == order_id
