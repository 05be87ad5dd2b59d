"""Asks the service how a purchase stands, as any shop's server would."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

import httpx
import orjson

from app.sandbox.config import SandboxConfig, Waits
from app.sandbox.pages import origin_of

ANSWER_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A status as the buyer reads it; `refresh_s` is None where nothing more will happen soon."""

    title: str
    text: str
    tone: str
    refresh_s: int | None = None


WORDINGS: Mapping[str, Wording] = MappingProxyType(
    {
        "open": Wording(
            title="Almost there",
            text="Your payment has not been confirmed yet. This page looks again by itself.",
            tone="waiting",
            refresh_s=2,
        ),
        "processing": Wording(
            title="Your bank is on it",
            text="The order is placed; the money is on its way. That may take a few days.",
            tone="waiting",
            refresh_s=5,
        ),
        "paid": Wording(
            title="Thank you!",
            text="Your payment is confirmed.",
            tone="good",
        ),
        "failed": Wording(
            title="The payment failed",
            text="Your bank refused it. Nothing was charged.",
            tone="bad",
        ),
        "expired": Wording(
            title="This checkout has expired",
            text="Nothing was charged. You can start again at any time.",
            tone="bad",
        ),
        "partially_refunded": Wording(
            title="Partly refunded",
            text="A part of your payment was sent back to you.",
            tone="good",
        ),
        "refunded": Wording(
            title="Refunded",
            text="Your payment was sent back to you.",
            tone="good",
        ),
        "disputed": Wording(
            title="Disputed",
            text="This payment is being disputed.",
            tone="bad",
        ),
    }
)
NOT_FOUND = Wording(
    title="We do not know this purchase",
    text="The shop's checkout has no record of it.",
    tone="bad",
)
UNREACHABLE = Wording(
    title="One moment",
    text="The shop's checkout does not answer just now. This page looks again by itself.",
    tone="waiting",
    refresh_s=5,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """What the thanks page shows."""

    wording: Wording
    status: str | None = None
    session_id: str | None = None
    amount_minor: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReader:
    """`GET /checkout/{id}` of the service."""

    config: SandboxConfig
    waits: Waits
    client: httpx.AsyncClient

    async def read(self, purchase_id: str) -> Purchase:
        """Return how the purchase stands; trouble on the way becomes words for the buyer."""
        # In containers the address that browsers use may lead nowhere from here; the webhook's
        # origin does lead to the service.
        for base in (self.config.checkout_url.rstrip("/"), origin_of(self.config.webhook_url)):
            try:
                return await self._ask(f"{base}/checkout/{quote(purchase_id, safe='')}")
            except httpx.HTTPError:
                continue
        return Purchase(wording=UNREACHABLE)

    async def _ask(self, url: str) -> Purchase:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        async with self.client.stream(
            "GET", url, headers=headers, timeout=self.waits.status_s
        ) as response:
            if response.status_code == httpx.codes.NOT_FOUND:
                return Purchase(wording=NOT_FOUND)
            body = b""
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    break
        return _parse_purchase(body)


def _parse_purchase(body: bytes) -> Purchase:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return Purchase(wording=UNREACHABLE)
    if not isinstance(answer, dict) or answer.get("status") not in tuple(WORDINGS):
        return Purchase(wording=UNREACHABLE)
    status: str = answer["status"]
    amount, currency = answer.get("amount_total"), answer.get("currency")
    session_id = answer.get("session_id")
    priced = isinstance(amount, int) and isinstance(currency, str)
    return Purchase(
        wording=WORDINGS[status],
        status=status,
        session_id=session_id if isinstance(session_id, str) else None,
        amount_minor=amount if priced else None,
        currency=currency if priced else None,
    )
