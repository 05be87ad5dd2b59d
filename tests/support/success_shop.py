"""A shop whose buyer returns to the success page, and that page without script."""

from html.parser import HTMLParser

import httpx

from tests.support.builders import CHECKOUT_ID, Document, Service, event, session
from tests.web.api.test_status import EXPIRED, FAILED

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
UNPAID = event(subject=session(payment_status="unpaid"), id="evt_unpaid")
PAID = event(id="evt_paid")
REFUND = {"id": "re_1", "currency": "eur", "payment_intent": "pi_1", "status": "succeeded"}
DISPUTE = {"id": "dp_1", "amount": 1999, "payment_intent": "pi_1", "status": "needs_response"}

HISTORIES: dict[str, list[Document]] = {
    "open": [],
    "processing": [UNPAID],
    "paid": [PAID],
    "failed": [UNPAID, event(FAILED, session(payment_status="unpaid"))],
    "expired": [event(EXPIRED, session(payment_status="unpaid"))],
    "partially_refunded": [PAID, event("refund.created", REFUND | {"amount": 500})],
    "refunded": [PAID, event("refund.created", REFUND | {"amount": 1999})],
    "disputed": [PAID, event("charge.dispute.created", DISPUTE)],
}


class Shown(HTMLParser):
    """A page's texts by tag, and the attributes of each tag's first occurrence."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self._tag = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        values = dict(attrs)
        name = f"meta {values.get('http-equiv')}" if tag == "meta" else tag
        self.attributes.setdefault(name, values)

    def handle_endtag(self, _: str) -> None:
        self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag:
            self.texts[self._tag] = self.texts.get(self._tag, "") + data

    @property
    def refresh(self) -> str | None:
        return self.attributes.get("meta refresh", {}).get("content")


async def get(
    service: Service, path: str = f"{CHECKOUT_ID}/page", **headers: str
) -> httpx.Response:
    return await service.client.get(f"/checkout/{path}", headers=BROWSER | headers)


async def page(service: Service, path: str = f"{CHECKOUT_ID}/page", **headers: str) -> Shown:
    answer = await get(service, path, **headers)
    assert answer.status_code == 200, answer.text
    return Shown(answer.text)


async def tell(service: Service, events: list[Document]) -> None:
    for n, document in enumerate(events):
        answer = await service.deliver(document | {"id": f"evt_{n}"})
        assert answer.json()["outcome"] == "recorded", answer.text
