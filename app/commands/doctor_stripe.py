"""Compares Stripe with the settings, for `doctor`: the key's rights, the endpoint, the prices."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Final

from app.adapters.catalog_file import CatalogError, load_catalog
from app.adapters.http_transport import AiohttpTransport
from app.adapters.stripe_api.client import StripeClient
from app.adapters.stripe_api.endpoints import StripeEndpoints
from app.commands.findings import Finding, Verdict
from app.domain.checkout.catalog import CatalogPrice
from app.domain.checkout.stripe_prices import price_faults
from app.domain.stripe_events.endpoint import PATH, WebhookEndpoint
from app.reconciling import open_stripe
from app.settings.settings import Settings
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeObjectMissingError,
    StripeReadError,
)

_API: Final = "Stripe's API"
_ENDPOINT: Final = "webhook endpoint"
_PRICES: Final = "prices at Stripe"
PRICES_MAX: Final = 100  # at five calls a second
_PATHS: Final = (
    "/v1/events",
    "/v1/checkout/sessions",
    "/v1/payment_intents",
    "/v1/charges",
    "/v1/refunds",
    "/v1/disputes",
    "/v1/invoices",
    "/v1/subscriptions",
)


def stripe_of(settings: Settings) -> Sequence[Finding]:
    """Return what the key lacks, and what differs at Stripe; nothing without a key."""
    if settings.stripe_api_key is None:
        return []
    return asyncio.run(_compare(settings))


async def _compare(settings: Settings) -> list[Finding]:
    async with AiohttpTransport() as transport:
        client = open_stripe(settings, transport, version=version("altan-checkout")).client
        try:
            rights = await _rights(client)
        except StripeReadError as error:
            message = f"{error}: check STRIPE_API_URL, DNS and the firewall"
            return [Finding(_API, Verdict.FAILS, message)]
        if rights.verdict is Verdict.FAILS:
            return [rights]
        return [rights, await _endpoint(client), *await _prices(client, settings)]


async def _rights(client: StripeClient) -> Finding:
    refusals: list[str] = []
    for path in _PATHS:
        try:
            await client.get(path, [("limit", "1")])
        except StripeKeyRefusedError as error:
            refusals.append(str(error))
        except StripeObjectMissingError:
            continue  # the sandbox has fewer addresses, and takes the key
    if refusals:
        return Finding(_API, Verdict.FAILS, "; ".join(dict.fromkeys(refusals)))
    return Finding(_API, Verdict.OK, "the key may read all that reconciliation needs")


async def _endpoint(client: StripeClient) -> Finding:
    """A platform's Connect endpoint is not in the connected account's list."""
    try:
        listed = await StripeEndpoints(client).listed()
    except StripeReadError as error:
        return _not_compared(_ENDPOINT, error, right="Webhook Endpoints")
    ours = [each for each in listed if each.is_ours]
    if not ours:
        message = f"this account has none at …{PATH}, so only a platform's may send events"
        return Finding(_ENDPOINT, Verdict.WARNING, message)
    return judge_endpoints(ours)


def judge_endpoints(ours: Sequence[WebhookEndpoint]) -> Finding:
    """Fail if no endpoint gets every event: others may be another service's."""
    messages = [_describe(each) for each in ours]
    if all(each.faults() for each in ours):
        return Finding(_ENDPOINT, Verdict.FAILS, "; ".join(messages))
    is_fine = not any(each.faults() or each.hints() for each in ours)
    return Finding(_ENDPOINT, Verdict.OK if is_fine else Verdict.WARNING, "; ".join(messages))


def _describe(endpoint: WebhookEndpoint) -> str:
    faults = endpoint.faults() or ["is sent every event"]
    return f"{endpoint.url} {', and '.join(faults + endpoint.hints())}"


async def _prices(client: StripeClient, settings: Settings) -> list[Finding]:
    try:
        catalog = load_catalog(settings.catalog_file) if settings.catalog_file else None
    except CatalogError:
        return []  # reported where the catalog is checked
    if catalog is None:
        return []
    compared = list(catalog.prices.values())[:PRICES_MAX]
    try:
        faults = [fault for price in compared for fault in await _faults(client, price)]
    except StripeReadError as error:
        return [_not_compared(_PRICES, error, right="Prices")]
    if faults:
        return [Finding(_PRICES, Verdict.FAILS, "; ".join(faults))]
    message = f"{len(compared)} of {len(catalog.prices)} in the catalog are as at Stripe"
    return [Finding(_PRICES, Verdict.OK, message)]


async def _faults(client: StripeClient, price: CatalogPrice) -> list[str]:
    try:
        price_at_stripe = await client.get(f"/v1/prices/{price.id}")
    except StripeObjectMissingError:
        return [f"{price.id} is not in the key's account"]
    return [f"{price.id} {fault}" for fault in price_faults(price, price_at_stripe)]


def _not_compared(subject: str, error: StripeReadError, *, right: str) -> Finding:
    """Reconciliation does without this right, so it is no failure that the key lacks it."""
    is_refused = isinstance(error, StripeKeyRefusedError)
    hint = f'; give it "read" for {right}' if is_refused else ""
    return Finding(subject, Verdict.WARNING, f"not compared: {error}{hint}")
