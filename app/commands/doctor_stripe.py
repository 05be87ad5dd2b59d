"""Checks for `doctor` what STRIPE_API_KEY may read: each permission with one call."""

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final

from app.adapters.http_transport import AiohttpTransport
from app.commands.findings import Finding, Verdict
from app.reconciling import open_stripe
from app.settings.settings import Settings
from app.usecases.stripe_reads import (
    StripeKeyRefusedError,
    StripeObjectMissingError,
    StripeReadError,
)

_SUBJECT: Final = "Stripe's API"
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


def stripe_of(settings: Settings) -> Iterator[Finding]:
    """Return what the key lacks; nothing without a key."""
    if settings.stripe_api_key is None:
        return
    try:
        refusals = asyncio.run(_refusals(settings))
    except StripeReadError as error:
        message = f"{error}: check STRIPE_API_URL, DNS and the firewall"
        yield Finding(_SUBJECT, Verdict.FAILS, message)
        return
    if refusals:
        yield Finding(_SUBJECT, Verdict.FAILS, "; ".join(refusals))
    else:
        yield Finding(_SUBJECT, Verdict.OK, "the key may read all that reconciliation needs")


async def _refusals(settings: Settings) -> list[str]:
    refusals: list[str] = []
    async with AiohttpTransport() as transport:
        client = open_stripe(settings, transport, version=version("altan-checkout")).client
        for path in _PATHS:
            try:
                await client.get(path, [("limit", "1")])
            except StripeKeyRefusedError as error:
                refusals.append(str(error))
            except StripeObjectMissingError:
                continue  # the sandbox has fewer addresses, and takes the key
    return list(dict.fromkeys(refusals))
