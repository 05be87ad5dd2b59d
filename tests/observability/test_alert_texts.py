import pytest

from app.observability.alert_texts import BUYERS, alert_text
from app.usecases.ports import AlertName

SHOP = "The Pottery (https://pottery.test)"


@pytest.mark.parametrize("name", AlertName)
def test_every_alert_says_which_shop_what_buyers_see_and_what_to_do(name: AlertName) -> None:
    text = alert_text(SHOP, name, "words\x9b", is_over=False)

    first, *rest = text.splitlines()
    assert first == f"altan-checkout: *{name}*: words\\u009b"
    assert rest == [
        f"Shop: {SHOP}",
        f"Buyers: {BUYERS[name]}.",
        f"What to do: docs/alerts.md#{name}",
    ]


def test_what_is_over_says_of_which_shop() -> None:
    text = alert_text(SHOP, AlertName.ALTAN_PAY_DOWN, "calls succeed", is_over=True)

    assert text == f"altan-checkout: *altan_pay_down* is over: calls succeed\nShop: {SHOP}"
