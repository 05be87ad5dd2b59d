from dataclasses import dataclass

import pytest
from structlog.testing import capture_logs

from app.domain.checkout.cart import Cart, LineItem, Mode
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import AltanPayTimeoutError, CartRefusedError
from app.observability.metrics import Metrics
from app.observability.upstream import MeasuredPaymentPages
from app.usecases.records import SessionOrder
from tests.support.builders import SilentAlarm

PAGE = PaymentPage("https://checkout.stripe.com/pay/x", None)
ORDER = SessionOrder(
    cart=Cart((LineItem("price_A", 1),), Mode.PAYMENT),
    success_url="https://shop.example/",
    cancel_url="https://shop.example/",
)


@dataclass(frozen=True, slots=True)
class Pages:
    answer: PaymentPage | BaseException

    async def create(self, order: SessionOrder) -> PaymentPage:
        assert order is ORDER
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def calls(metrics: Metrics, result: str) -> float | None:
    name = "altan_checkout_altan_pay_calls_total"
    return metrics.registry.get_sample_value(name, {"result": result})


def timed(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("altan_checkout_altan_pay_call_seconds_count")


async def test_a_page_passes_through_and_is_counted() -> None:
    metrics = Metrics()

    with capture_logs() as lines:
        page = await MeasuredPaymentPages(Pages(PAGE), metrics, SilentAlarm()).create(ORDER)

    assert page is PAGE
    assert (calls(metrics, "ok"), timed(metrics)) == (1, 1)
    assert lines == []


async def test_a_failure_is_reported_with_its_reason() -> None:
    metrics = Metrics()
    failure = AltanPayTimeoutError(
        "words for the buyer", reason="the deadline for all tries passed"
    )

    with capture_logs() as lines, pytest.raises(AltanPayTimeoutError) as caught:
        await MeasuredPaymentPages(Pages(failure), metrics, SilentAlarm()).create(ORDER)

    assert caught.value is failure
    assert (calls(metrics, "altan_pay_timeout"), timed(metrics)) == (1, 1)
    (line,) = lines
    assert (line["code"], line["reason"]) == (
        "altan_pay_timeout",
        "the deadline for all tries passed",
    )


async def test_a_refused_cart_is_the_callers_business_and_not_logged() -> None:
    metrics = Metrics()

    with capture_logs() as lines, pytest.raises(CartRefusedError):
        await MeasuredPaymentPages(Pages(CartRefusedError("no")), metrics, SilentAlarm()).create(
            ORDER
        )

    assert (calls(metrics, "cart_refused"), timed(metrics)) == (1, 1)
    assert lines == []


async def test_a_defect_is_counted_as_one() -> None:
    metrics = Metrics()

    with pytest.raises(KeyError):
        await MeasuredPaymentPages(Pages(KeyError("x")), metrics, SilentAlarm()).create(ORDER)

    assert (calls(metrics, "cut_off"), timed(metrics)) == (1, 1)
