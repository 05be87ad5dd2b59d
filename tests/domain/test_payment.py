import itertools
import json
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.cart import Mode
from app.domain.events import StripeEvent, read_event
from app.domain.money import Money
from app.domain.news import CannotFoldError, PaymentNews
from app.domain.payment import PaymentFacts, PaymentStatus
from app.domain.payment_news import read_payment_news
from tests.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    event,
    real_events,
    session,
    thin_event,
)

COMPLETED = "checkout.session.completed"
SUCCEEDED = "checkout.session.async_payment_succeeded"
FAILED = "checkout.session.async_payment_failed"
EXPIRED = "checkout.session.expired"

OTHER_CHECKOUT_ID = CHECKOUT_ID[:-1] + "v"

FACTS = st.builds(
    PaymentFacts,
    paid=st.booleans(),
    paid_at_s=st.none() | st.integers(0, 9),
    awaits_bank=st.booleans(),
    bank_failed=st.booleans(),
    expired=st.booleans(),
    mode=st.none() | st.sampled_from(Mode),
    amount_total_minor=st.none() | st.integers(0, 9),
    currency=st.none() | st.sampled_from(["eur", "jpy", "usd"]),
    checkout_id=st.none() | st.sampled_from([CHECKOUT_ID, OTHER_CHECKOUT_ID]),
)
NEWS_OF_ONE_SESSION = st.builds(
    lambda type_, created, **fields: news(type_, created=created, subject=session(**fields)),
    st.sampled_from([COMPLETED, SUCCEEDED, FAILED, EXPIRED]),
    created=st.none() | st.integers(0, 9),
    payment_status=st.sampled_from(["paid", "unpaid", "no_payment_required"]),
    amount_total=st.none() | st.integers(0, 9),
    amount_subtotal=st.none() | st.integers(0, 9),
    currency=st.sampled_from([None, "eur", "usd"]),
    mode=st.sampled_from([None, "payment", "subscription"]),
    success_url=st.sampled_from([None, f"https://shop.example/?checkout_id={CHECKOUT_ID}"]),
)
HISTORIES = st.lists(NEWS_OF_ONE_SESSION, max_size=8)


def stripe_event(
    type_: str = COMPLETED, *, created: int | None = NOW_S, subject: Document | None = None
) -> StripeEvent:
    return read_event(event(type_, subject, created=created))


def news(
    type_: str = COMPLETED, *, created: int | None = NOW_S, subject: Document | None = None
) -> PaymentNews:
    read = read_payment_news(stripe_event(type_, created=created, subject=subject))
    assert read is not None
    return read


def news_of(**fields: object) -> PaymentNews:
    """The news of a completed session with these fields."""
    return news(subject=session(**fields))


def fold(history: Sequence[PaymentNews]) -> PaymentFacts:
    return reduce(PaymentFacts.join, (item.facts for item in history), PaymentFacts())


# --- the join


@given(FACTS, FACTS)
def test_joining_is_commutative(one: PaymentFacts, other: PaymentFacts) -> None:
    assert one.join(other) == other.join(one)


@given(FACTS, FACTS, FACTS)
def test_joining_is_associative(one: PaymentFacts, two: PaymentFacts, three: PaymentFacts) -> None:
    assert one.join(two).join(three) == one.join(two.join(three))


@given(FACTS)
def test_joining_is_idempotent(facts: PaymentFacts) -> None:
    assert facts.join(facts) == facts


@given(FACTS)
def test_joining_nothing_changes_nothing(facts: PaymentFacts) -> None:
    assert facts.join(PaymentFacts()) == facts
    assert PaymentFacts().join(facts) == facts


@given(FACTS, FACTS)
def test_what_is_proven_stays_proven(one: PaymentFacts, other: PaymentFacts) -> None:
    joined = one.join(other)

    for flag in ("paid", "awaits_bank", "bank_failed", "expired"):
        assert getattr(joined, flag) == (getattr(one, flag) or getattr(other, flag))
    assert joined.join(one) == joined


@given(st.data(), HISTORIES)
def test_disorder_and_duplicates_do_not_matter(
    data: st.DataObject, history: list[PaymentNews]
) -> None:
    duplicates = data.draw(st.lists(st.sampled_from(history))) if history else []
    disordered = data.draw(st.permutations([*history, *duplicates]))

    assert fold(disordered) == fold(history)
    assert fold(disordered).status is fold(history).status


@given(HISTORIES, st.integers(0, 8))
def test_folding_in_two_parts_is_folding_at_once(history: list[PaymentNews], cut: int) -> None:
    assert fold(history[:cut]).join(fold(history[cut:])) == fold(history)


@given(HISTORIES, HISTORIES)
def test_paid_never_goes_back(before: list[PaymentNews], after: list[PaymentNews]) -> None:
    history = [*before, news(SUCCEEDED), *after]

    for length in range(len(before) + 1, len(history) + 1):
        assert fold(history[:length]).status is PaymentStatus.PAID


@pytest.mark.parametrize(
    ("earlier", "later", "joined"),
    [
        ({"paid_at_s": 5}, {"paid_at_s": 7}, {"paid_at_s": 5}),
        ({"amount_total_minor": 5}, {"amount_total_minor": 7}, {"amount_total_minor": 7}),
        ({"currency": "eur"}, {"currency": "usd"}, {"currency": "eur"}),
        ({"mode": Mode.PAYMENT}, {"mode": Mode.SUBSCRIPTION}, {"mode": Mode.PAYMENT}),
        ({"amount_total_minor": 0}, {"amount_total_minor": None}, {"amount_total_minor": 0}),
    ],
)
def test_two_values_are_joined_to_one_of_them(
    earlier: Document, later: Document, joined: Document
) -> None:
    assert PaymentFacts(**earlier).join(PaymentFacts(**later)) == PaymentFacts(**joined)


# --- the status


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ((), PaymentStatus.OPEN),
        (("expired",), PaymentStatus.EXPIRED),
        (("awaits_bank",), PaymentStatus.PROCESSING),
        (("awaits_bank", "expired"), PaymentStatus.PROCESSING),
        (("bank_failed",), PaymentStatus.FAILED),
        (("awaits_bank", "bank_failed"), PaymentStatus.FAILED),
        (("bank_failed", "expired"), PaymentStatus.FAILED),
        (("awaits_bank", "bank_failed", "expired"), PaymentStatus.FAILED),
    ],
)
def test_the_status_of_an_unpaid_payment(flags: tuple[str, ...], status: PaymentStatus) -> None:
    proven: Document = dict.fromkeys(flags, True)

    assert PaymentFacts(**proven).status is status


@pytest.mark.parametrize("other_flags", list(itertools.product([False, True], repeat=3)))
def test_paid_is_stronger_than_everything(other_flags: tuple[bool, bool, bool]) -> None:
    awaits_bank, bank_failed, expired = other_flags

    facts = PaymentFacts(
        paid=True, awaits_bank=awaits_bank, bank_failed=bank_failed, expired=expired
    )

    assert facts.status is PaymentStatus.PAID
    assert facts.contradicted is (bank_failed or expired)


@pytest.mark.parametrize("flag", ["awaits_bank", "bank_failed", "expired"])
def test_what_is_not_paid_is_not_contradicted(flag: str) -> None:
    proven: Document = {flag: True}

    assert not PaymentFacts(**proven).contradicted


@pytest.mark.parametrize(
    ("history", "status"),
    [
        ([(COMPLETED, "paid")], PaymentStatus.PAID),
        ([(COMPLETED, "no_payment_required")], PaymentStatus.PAID),
        ([(COMPLETED, "unpaid")], PaymentStatus.PROCESSING),
        ([(COMPLETED, "unpaid"), (SUCCEEDED, "paid")], PaymentStatus.PAID),
        ([(SUCCEEDED, "paid"), (COMPLETED, "unpaid")], PaymentStatus.PAID),
        ([(COMPLETED, "unpaid"), (FAILED, "unpaid")], PaymentStatus.FAILED),
        ([(FAILED, "unpaid")], PaymentStatus.FAILED),
        ([(FAILED, "unpaid"), (SUCCEEDED, "paid")], PaymentStatus.PAID),
        ([(EXPIRED, "unpaid")], PaymentStatus.EXPIRED),
        ([(EXPIRED, "unpaid"), (COMPLETED, "unpaid")], PaymentStatus.PROCESSING),
        ([(COMPLETED, "paid"), (EXPIRED, "unpaid")], PaymentStatus.PAID),
    ],
)
def test_a_history_leads_to_its_status(
    history: list[tuple[str, str]], status: PaymentStatus
) -> None:
    told = [news(type_, subject=session(payment_status=paid)) for type_, paid in history]

    assert fold(told).status is status


# --- what one event says


def test_a_paid_session_proves_everything_about_its_payment() -> None:
    assert news() == PaymentNews(
        SESSION_ID,
        PaymentFacts(
            paid=True,
            paid_at_s=NOW_S,
            mode=Mode.PAYMENT,
            amount_total_minor=1999,
            currency="eur",
            checkout_id=CHECKOUT_ID,
        ),
        ("pi_1",),
    )


@pytest.mark.parametrize(
    ("type_", "payment_status", "proven"),
    [
        (COMPLETED, "paid", {"paid": True, "paid_at_s": NOW_S}),
        (COMPLETED, "no_payment_required", {"paid": True, "paid_at_s": NOW_S}),
        (COMPLETED, "unpaid", {"awaits_bank": True}),
        (SUCCEEDED, "paid", {"paid": True, "paid_at_s": NOW_S}),
        (FAILED, "unpaid", {"awaits_bank": True, "bank_failed": True}),
        (EXPIRED, "unpaid", {"expired": True}),
    ],
)
def test_each_event_proves_just_this(type_: str, payment_status: str, proven: Document) -> None:
    bare = {"id": SESSION_ID, "payment_status": payment_status}

    assert news(type_, subject=bare).facts == PaymentFacts(**proven)


def test_an_unpaid_session_has_no_time_of_payment() -> None:
    facts = news_of(payment_status="unpaid").facts

    assert facts.awaits_bank
    assert not facts.paid
    assert facts.paid_at_s is None


def test_the_payment_is_paid_when_the_bank_said_so_and_not_when_it_was_asked() -> None:
    asked = news(created=10, subject=session(payment_status="unpaid"))
    answered = news(SUCCEEDED, created=20)

    assert fold([asked, answered]).paid_at_s == 20


@pytest.mark.parametrize("path", real_events(), ids=lambda path: path.stem)
def test_of_the_real_events_only_the_session_speaks_of_a_payment(path: Path) -> None:
    read = read_payment_news(read_event(json.loads(path.read_bytes())))

    assert (read is not None) == (path.stem == COMPLETED)


def test_the_real_session_is_paid() -> None:
    path = next(path for path in real_events() if path.stem == COMPLETED)

    read = read_payment_news(read_event(json.loads(path.read_bytes())))

    assert read is not None
    assert read.facts == PaymentFacts(
        paid=True,
        paid_at_s=1619697430,
        mode=Mode.PAYMENT,
        amount_total_minor=999,
        amount_subtotal_minor=999,
        currency="eur",
    )
    assert read.linked_ids[-1] == "in_1KJqKBJDPojXS6LNJbvLUgEy"


@pytest.mark.parametrize("type_", ["payment_intent.succeeded", "charge.refunded", "x"])
def test_an_event_of_another_kind_says_nothing_yet(type_: str) -> None:
    assert read_payment_news(stripe_event(type_)) is None


def test_a_thin_event_says_nothing_of_a_payment() -> None:
    assert read_payment_news(read_event(thin_event())) is None


@pytest.mark.parametrize("payment_status", [None, "", "PAID", "partially_paid", 1, True, [], {}])
def test_an_unknown_payment_status_is_not_guessed(payment_status: object) -> None:
    odd = stripe_event(subject=session(payment_status=payment_status))

    with pytest.raises(CannotFoldError, match="payment_status"):
        read_payment_news(odd)


@pytest.mark.parametrize("type_", [COMPLETED, SUCCEEDED, FAILED, EXPIRED])
@pytest.mark.parametrize("id_", [None, 7, "", "cs_", "pi_1", "cs_é", "cs_a\n", "cs_" + "a" * 251])
def test_a_session_with_an_odd_id_cannot_be_folded(type_: str, id_: object) -> None:
    odd = stripe_event(type_, subject=session(id=id_))

    with pytest.raises(CannotFoldError, match="Checkout Session's id"):
        read_payment_news(odd)


@pytest.mark.parametrize("amount", [None, -1, 19.99, "1999", True, 2**53, [], {}])
def test_an_odd_amount_is_left_out(amount: object) -> None:
    facts = news_of(amount_total=amount).facts

    assert facts.amount_total_minor is None
    assert facts.status is PaymentStatus.PAID


@pytest.mark.parametrize("amount", [0, 1, 2**53 - 1])
def test_an_amount_is_kept_to_the_last_unit(amount: int) -> None:
    assert news_of(amount_total=amount).facts.amount_total_minor == amount


@pytest.mark.parametrize("currency", [None, "EUR", "euro", "eu", "eu\n", "", 978, [], {}])
def test_an_odd_currency_is_left_out(currency: object) -> None:
    assert news_of(currency=currency).facts.currency is None


@pytest.mark.parametrize("mode", [None, "setup", "", 1, [], {}])
def test_an_odd_mode_is_left_out(mode: object) -> None:
    assert news_of(mode=mode).facts.mode is None


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_kept(mode: Mode) -> None:
    assert news_of(mode=mode.value).facts.mode is mode


@pytest.mark.parametrize(
    "success_url",
    [
        f"https://shop.example/?checkout_id={CHECKOUT_ID}",
        f"https://shop.example/?a=b&checkout_id={CHECKOUT_ID}&session_id={{CHECKOUT_SESSION_ID}}#x",
        f"https://shop.example/?checkout_id=mine&checkout_id={CHECKOUT_ID}",
        f"https://shop.example/?checkout_id={OTHER_CHECKOUT_ID}&checkout_id={CHECKOUT_ID}",
        f"http://127.0.0.1:8000?checkout_id={CHECKOUT_ID}",
    ],
)
def test_the_success_url_names_the_checkout(success_url: str) -> None:
    assert news_of(success_url=success_url).facts.checkout_id == CHECKOUT_ID


@pytest.mark.parametrize(
    "success_url",
    [
        None,
        7,
        {},
        "",
        "https://shop.example/",
        "https://shop.example/?checkout_id=",
        "https://shop.example/?checkout_id=chk_short",
        f"https://shop.example/?checkout_id={CHECKOUT_ID}0",
        f"https://shop.example/?checkout_id={CHECKOUT_ID.upper()}",
        f"https://shop.example/?other={CHECKOUT_ID}",
        f"https://shop.example/#checkout_id={CHECKOUT_ID}",
        f"https://[shop.example/?checkout_id={CHECKOUT_ID}",
        "not a URL at all",
    ],
)
def test_a_success_url_without_our_id_names_no_checkout(success_url: object) -> None:
    assert news_of(success_url=success_url).facts.checkout_id is None


def test_the_ids_by_which_later_events_speak_of_the_payment_are_linked() -> None:
    read = news_of(payment_intent="pi_7", subscription="sub_7", invoice="in_7")

    assert read.linked_ids == ("pi_7", "sub_7", "in_7")


def test_an_expanded_payment_intent_is_linked_by_its_id() -> None:
    read = news_of(
        payment_intent={"id": "pi_7", "object": "payment_intent"}, invoice={"id": "in_7"}
    )

    assert read.linked_ids == ("pi_7", "in_7")


@pytest.mark.parametrize(
    "value", [None, 7, True, "", "pi é", "pi_7\n", "p" * 256, [], {}, {"id": None}, {"id": {}}]
)
def test_an_odd_link_is_left_out(value: object) -> None:
    read = news_of(payment_intent=value, subscription=value, invoice=value)

    assert read.linked_ids == ()


@pytest.mark.parametrize(
    ("subtotal", "currency", "differs"),
    [
        (100, "eur", False),
        (None, None, False),
        (None, "eur", False),
        (100, None, False),
        (99, "eur", True),
        (100, "usd", True),
        (99, None, True),
        (None, "usd", True),
        (0, "eur", True),
    ],
)
def test_a_payment_differs_where_what_is_known_is_not_what_was_expected(
    subtotal: int | None,
    currency: str | None,
    differs: bool,  # noqa: FBT001 a test's parameter
) -> None:
    facts = PaymentFacts(amount_subtotal_minor=subtotal, currency=currency)

    assert facts.differs_from(Money(amount_minor=100, currency="eur")) is differs
