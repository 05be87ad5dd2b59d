import pytest

from app.domain.payments.dashboard import dashboard_url

ROOT = "https://dashboard.stripe.com"


@pytest.mark.parametrize(
    ("ids", "path"),
    [
        (("pi_1", None, "cs_1"), "payments/pi_1"),
        (("pi_1", "sub_1", "cs_1"), "subscriptions/sub_1"),
        ((None, None, "cs_1"), "search?query=cs_1"),
        (("pi/../x?", None, None), "payments/pi%2F..%2Fx%3F"),
    ],
)
def test_an_order_has_its_page(ids: tuple[str | None, ...], path: str) -> None:
    intent, subscription, session = ids

    def url(*, is_test: bool) -> str | None:
        return dashboard_url(
            payment_intent=intent, subscription_id=subscription, session_id=session, is_test=is_test
        )

    assert url(is_test=False) == f"{ROOT}/{path}"
    assert url(is_test=True) == f"{ROOT}/test/{path}"


def test_a_checkout_without_a_session_has_no_page() -> None:
    assert (
        dashboard_url(payment_intent=None, subscription_id=None, session_id=None, is_test=True)
        is None
    )
