"""The sandbox's acts after a payment, as the service shows them; both as processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import httpx
import pytest

from tests.support.docs.running import Demo, running_demo

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Purchase:
    """One checkout of the service, and the sandbox's session for it."""

    client: httpx.Client
    demo: Demo
    checkout_id: str
    session_id: str

    def act(self, act: str, **wishes: object) -> None:
        """Do it, and see each of its events taken by the service."""
        url = f"{self.demo.shop_url}/sandbox/sessions/{self.session_id}/{act}"
        answer = self.client.post(url, json=wishes)
        assert answer.status_code == 200, answer.text
        assert {event["state"] for event in answer.json()["events"]} == {"delivered"}

    def told(self) -> tuple[str, int]:
        """The status and the refunded amount that the service tells."""
        url = f"{self.demo.service_url}/checkout/{self.checkout_id}"
        answer = self.client.get(url).json()
        return answer["status"], answer["amount_refunded"]


class Buy(Protocol):
    """Starts a checkout of two of a price."""

    def __call__(self, price: str = "price_sandbox_mug", mode: str = "payment") -> Purchase: ...


@pytest.fixture(scope="module")
def buy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buy]:
    with (
        running_demo(tmp_path_factory.mktemp("demo")) as demo,
        httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client,
    ):

        def buy(price: str = "price_sandbox_mug", mode: str = "payment") -> Purchase:
            answer = client.post(
                f"{demo.service_url}/checkout",
                json={"line_items": [{"price": price, "quantity": 2}], "mode": mode},
                headers={"Accept": "application/json"},
            ).json()
            return Purchase(client, demo, answer["checkout_id"], answer["session_id"])

        yield buy


@pytest.mark.parametrize("trouble", [{}, {"reverse": True}, {"duplicate": 3}])
def test_refunds_are_told_in_part_and_in_whole(buy: Buy, trouble: dict[str, object]) -> None:
    purchase = buy()
    purchase.act("pay")
    assert purchase.told() == ("paid", 0)

    purchase.act("refund", amount=900, **trouble)
    assert purchase.told() == ("partially_refunded", 900)

    purchase.act("refund", amount=1000, **trouble)
    assert purchase.told() == ("partially_refunded", 1900)

    purchase.act("refund", **trouble)
    assert purchase.told() == ("refunded", 2900)


@pytest.mark.parametrize("trouble", [{}, {"reverse": True}, {"duplicate": 3}])
def test_a_payment_is_disputed_until_the_shop_wins(buy: Buy, trouble: dict[str, object]) -> None:
    purchase = buy()
    purchase.act("pay")

    purchase.act("dispute_open", **trouble)
    assert purchase.told() == ("disputed", 0)

    purchase.act("dispute_win", **trouble)
    assert purchase.told() == ("paid", 0)


def test_a_lost_dispute_leaves_the_payment_disputed(buy: Buy) -> None:
    purchase = buy()
    purchase.act("pay_later")
    purchase.act("bank_succeeds")
    purchase.act("dispute_open")

    purchase.act("dispute_lose")

    assert purchase.told() == ("disputed", 0)


def test_a_refund_beside_a_won_dispute_is_told_again(buy: Buy) -> None:
    purchase = buy()
    purchase.act("pay")
    purchase.act("refund", amount=900)

    purchase.act("dispute_open")
    assert purchase.told() == ("disputed", 900)

    purchase.act("dispute_win")
    assert purchase.told() == ("partially_refunded", 900)


def test_renewals_and_the_end_of_a_subscription_leave_its_first_payment_paid(buy: Buy) -> None:
    purchase = buy("price_sandbox_club", "subscription")
    purchase.act("pay")

    for act in ("renew", "renew", "cancel"):
        purchase.act(act)
        assert purchase.told() == ("paid", 0)
