import pytest

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.evidence import CannotFoldError, Evidence
from app.domain.stripe_events.readers import read_evidence
from tests.support.builders import CHECKOUT_ID, NOW_S, SESSION_ID, Document, session
from tests.support.readings import (
    COMPLETED,
    EXPIRED,
    FAILED,
    SUCCEEDED,
    evidence,
    evidence_of_session,
    fold,
    stripe_event,
)

BARE = SessionDetails(livemode=False, created_s=NOW_S)  # of the event alone
OTHER_CHECKOUT_ID = CHECKOUT_ID[:-1] + "v"


def test_a_paid_session_proves_everything_about_its_payment() -> None:
    read = evidence_of_session(amount_subtotal=1680)

    assert read == Evidence(
        session_id=SESSION_ID,
        object_ids=("pi_1",),
        facts=PaymentFacts(
            paid=True,
            paid_at_s=NOW_S,
            mode=Mode.PAYMENT,
            amount_total_minor=1999,
            amount_subtotal_minor=1680,
            currency="eur",
            checkout_id=CHECKOUT_ID,
            intent_ids=("pi_1",),
            details=BARE,
        ),
        doubts=(),
        at_s=NOW_S,
    )


def test_a_session_of_a_subscription_names_it_and_its_first_invoice() -> None:
    read = evidence_of_session(
        mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"
    )

    assert read.object_ids == ("sub_1", "in_1")
    assert read.facts.mode is Mode.SUBSCRIPTION
    assert read.facts.subscription_id == "sub_1"
    assert read.facts.invoice_ids == ("in_1",)


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

    read = evidence(type_, bare)

    assert read == Evidence(SESSION_ID, (), PaymentFacts(**proven, details=BARE), at_s=NOW_S)


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
    told = [evidence_of_session(type_, payment_status=paid) for type_, paid in history]

    assert fold(*told).status is status


def test_the_payment_is_paid_when_the_bank_said_so_and_not_when_it_was_asked() -> None:
    asked = evidence(COMPLETED, session(payment_status="unpaid"), created=10)
    answered = evidence(SUCCEEDED, session(), created=20)

    assert asked.facts.paid_at_s is None
    assert fold(asked, answered).paid_at_s == 20


@pytest.mark.parametrize("payment_status", [None, "", "PAID", "partially_paid", 1, True, [], {}])
def test_an_unknown_payment_status_is_doubted_and_the_rest_is_folded(
    payment_status: object,
) -> None:
    read = evidence_of_session(payment_status=payment_status)

    assert read.doubts == ("data.object.payment_status is missing or unknown",)
    assert read.facts.status is PaymentStatus.OPEN
    assert read.facts.amount_total_minor == 1999
    assert read.object_ids == ("pi_1",)


@pytest.mark.parametrize("type_", [COMPLETED, SUCCEEDED, FAILED, EXPIRED])
@pytest.mark.parametrize("id_", [None, 7, "", "cs_", "pi_1", "cs_é", "cs_a\n", "cs_" + "a" * 251])
def test_a_session_with_an_odd_id_cannot_be_folded(type_: str, id_: object) -> None:
    odd = stripe_event(type_, session(id=id_))

    with pytest.raises(CannotFoldError, match="Checkout Session's id"):
        read_evidence(odd)


@pytest.mark.parametrize("amount", [None, -1, 19.99, "1999", True, 2**53, [], {}])
def test_an_odd_amount_is_left_out(amount: object) -> None:
    facts = evidence_of_session(amount_total=amount, amount_subtotal=amount).facts

    assert facts.amount_total_minor is None
    assert facts.amount_subtotal_minor is None
    assert facts.status is PaymentStatus.PAID


@pytest.mark.parametrize("amount", [0, 1, 2**53 - 1])
def test_an_amount_is_kept_to_the_last_unit(amount: int) -> None:
    assert evidence_of_session(amount_total=amount).facts.amount_total_minor == amount
    assert evidence_of_session(amount_subtotal=amount).facts.amount_subtotal_minor == amount


@pytest.mark.parametrize("currency", [None, "EUR", "euro", "eu", "eu\n", "", 978, [], {}])
def test_an_odd_currency_is_left_out(currency: object) -> None:
    assert evidence_of_session(currency=currency).facts.currency is None


@pytest.mark.parametrize("mode", [None, "", 1, [], {}])
def test_an_odd_mode_is_left_out(mode: object) -> None:
    assert evidence_of_session(mode=mode).facts.mode is None


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_kept(mode: Mode) -> None:
    assert evidence_of_session(mode=mode.value).facts.mode is mode


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
    assert evidence_of_session(success_url=success_url).facts.checkout_id == CHECKOUT_ID


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
        "not a URL at all",
    ],
)
def test_a_success_url_without_our_id_names_no_checkout(success_url: object) -> None:
    assert evidence_of_session(success_url=success_url).facts.checkout_id is None


def test_the_ids_that_later_events_use_for_the_payment_are_linked() -> None:
    read = evidence_of_session(payment_intent="pi_7", subscription="sub_7", invoice="in_7")

    assert read.object_ids == ("pi_7", "sub_7", "in_7")


def test_an_expanded_object_is_linked_by_its_id() -> None:
    read = evidence_of_session(
        payment_intent={"id": "pi_7", "object": "payment_intent"},
        subscription={"id": "sub_7"},
        invoice={"id": "in_7"},
    )

    assert read.object_ids == ("pi_7", "sub_7", "in_7")
    assert read.facts.subscription_id == "sub_7"
    assert read.facts.invoice_ids == ("in_7",)


@pytest.mark.parametrize(
    "value", [None, 7, True, "", "pi é", "pi_7\n", "p" * 256, [], {}, {"id": None}, {"id": {}}]
)
def test_an_odd_link_is_left_out(value: object) -> None:
    read = evidence_of_session(payment_intent=value, subscription=value, invoice=value)

    assert read.object_ids == ()
    assert read.facts.subscription_id is None
    assert read.facts.invoice_ids == ()


DETAILS = [
    ("amount_discount_minor", {"total_details": {"amount_discount": 5}}, 5),
    ("amount_tax_minor", {"total_details": {"amount_tax": 6}}, 6),
    ("amount_shipping_minor", {"total_details": {"amount_shipping": 7}}, 7),
    ("presentment_minor", {"presentment_details": {"presentment_amount": 8}}, 8),
    ("presentment_currency", {"presentment_details": {"presentment_currency": "usd"}}, "usd"),
    ("livemode", {"livemode": True}, True),
    ("created_s", {"created": 9}, 9),
    ("client_reference_id", {"client_reference_id": "order 42"}, "order 42"),
    ("client_reference_id", {"client_reference_id": "4"}, "4"),
    ("client_reference_id", {"client_reference_id": "x" * 200}, "x" * 200),
]


@pytest.mark.parametrize(("name", "changes", "value"), DETAILS)
def test_a_session_contains_its_details(name: str, changes: Document, value: object) -> None:
    details = evidence_of_session(**changes).facts.details

    assert details is not None
    assert getattr(details, name) == value


@pytest.mark.parametrize(("name", "changes", "value"), DETAILS)
def test_a_detail_of_one_event_is_kept_in_any_order(
    name: str, changes: Document, value: object
) -> None:
    bare, told = evidence_of_session().facts, evidence_of_session(**changes).facts

    for joined in (bare.join(told).details, told.join(bare).details):
        assert joined is not None
        assert getattr(joined, name) == value


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("amount_tax_minor", {"total_details": {"amount_tax": -1}}),
        ("amount_tax_minor", {"total_details": "none"}),
        ("presentment_currency", {"presentment_details": {"presentment_currency": "dollars"}}),
        ("client_reference_id", {"client_reference_id": "x" * 201}),
        ("client_reference_id", {"client_reference_id": ""}),
        ("client_reference_id", {"client_reference_id": "half \ud83d"}),
        ("client_reference_id", {"client_reference_id": 7}),
    ],
)
def test_a_detail_of_an_odd_form_is_left_out(name: str, changes: Document) -> None:
    details = evidence_of_session(**changes).facts.details

    assert details is not None
    assert getattr(details, name) is None


@pytest.mark.parametrize(
    ("after_expiration", "recoverable"),
    [
        ({"recovery": {"enabled": True}}, True),
        ({"recovery": {"enabled": False}}, False),
        ({"recovery": {"enabled": 1}}, False),
        ({"recovery": None}, False),
        (None, False),
    ],
)
def test_an_expired_session_may_be_recovered_if_the_shop_turned_that_on(
    *, after_expiration: object, recoverable: bool
) -> None:
    read = evidence(EXPIRED, session(after_expiration=after_expiration))

    assert read.facts.recoverable is recoverable


@pytest.mark.parametrize(
    ("recovered_from", "known"),
    [("cs_test_old", "cs_test_old"), ({"id": "cs_test_old"}, "cs_test_old"), ("pi_1", None)],
)
def test_a_recovery_names_the_expired_session(recovered_from: object, known: str | None) -> None:
    assert evidence_of_session(recovered_from=recovered_from).facts.recovered_from == known
