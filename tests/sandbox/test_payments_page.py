import re

import httpx
import pytest

from sandbox.stripe.acts import Act, perform
from sandbox.stripe.payments_page import LISTED_MAX, standing_of
from sandbox.stripe.sessions import Session
from tests.support.sandbox.acting import a_session, a_subscription_session, after
from tests.support.sandbox.local_servers import open_session


def rows(html: str) -> list[str]:
    return re.findall(r"<li>(.*?)</li>", html.partition('<ol class="payments">')[2], re.DOTALL)


async def test_before_the_first_payment_it_says_what_to_do(sandbox: httpx.AsyncClient) -> None:
    page = await sandbox.get("/sandbox/payments")

    assert page.status_code == 200
    assert "There are no payments yet" in page.text


async def test_each_payment_is_listed_with_its_items_amount_and_status_the_newest_first(
    sandbox: httpx.AsyncClient,
) -> None:
    first, second = [await open_session(sandbox) for _ in range(2)]
    await sandbox.post(f"/sandbox/sessions/{first}/pay")

    newest, oldest = rows((await sandbox.get("/sandbox/payments")).text)

    for row, session_id, words in ((newest, second, "Not paid yet"), (oldest, first, "Paid")):
        assert f'<a href="/c/pay/{session_id}">Stoneware mug \u00d7 1</a>' in row
        assert "<strong>$14.50</strong>" in row
        assert f">{words}</span>" in row


async def test_it_lists_the_latest_and_says_how_many_it_leaves_out(
    sandbox: httpx.AsyncClient,
) -> None:
    for _ in range(LISTED_MAX + 2):
        await open_session(sandbox)

    page = await sandbox.get("/sandbox/payments")

    assert len(rows(page.text)) == LISTED_MAX
    assert "2 earlier ones are not listed" in page.text


async def test_the_shop_and_the_payment_page_link_to_it(sandbox: httpx.AsyncClient) -> None:
    session_id = await open_session(sandbox)

    for path in ("/", f"/c/pay/{session_id}", "/sandbox/faults"):
        assert 'href="/sandbox/payments"' in (await sandbox.get(path)).text


@pytest.mark.parametrize(
    ("session", "words"),
    [
        (a_session(), "Not paid yet"),
        (after(Act.DECLINE), "Not paid yet"),
        (after(Act.EXPIRE), "Expired"),
        (after(Act.PAY_LATER), "Waiting for the bank"),
        (after(Act.PAY_LATER, Act.BANK_FAILS), "The bank refused"),
        (after(Act.PAY), "Paid"),
        (perform(Act.REFUND, after(Act.PAY), 450).session, "Paid, $4.50 refunded"),
        (after(Act.PAY, Act.REFUND), "Refunded"),
        (after(Act.PAY, Act.DISPUTE_OPEN), "Disputed"),
        (after(Act.PAY, Act.DISPUTE_OPEN, Act.DISPUTE_WIN), "Paid"),
        (after(Act.PAY, Act.DISPUTE_OPEN, Act.DISPUTE_LOSE), "Dispute lost"),
        (after(Act.PAY, Act.CANCEL, session=a_subscription_session()), "Canceled"),
        (after(Act.PAY, Act.RENEW, session=a_subscription_session()), "Paid"),
    ],
)
def test_a_payments_status_is_shown_as_text(session: Session, words: str) -> None:
    assert standing_of(session)[0] == words
