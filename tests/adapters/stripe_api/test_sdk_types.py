"""Our requests and what we read, against Stripe's own description of its API.

Stripe generates its SDK's types from its OpenAPI description (github.com/stripe/openapi), so the
locked SDK says which parameters, fields and values there are, in the version that we ask for.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
import stripe
from stripe.checkout import Session
from stripe.params import (
    EventListParams,
    WebhookEndpointCreateParams,
    WebhookEndpointListParams,
)
from stripe.params.checkout import SessionListLineItemsParams, SessionRetrieveParams

from app.adapters.stripe_api.endpoints import StripeEndpoints
from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES
from tests.support.stripe_api_calls import page, says_json, stripe_api
from tests.support.wire import Request, Script, upstream

TWO_PAGES: Final = (page("x_2", has_more=True), page("x_1"), page("x_3"))
READ: Final[Mapping[Any, Collection[str]]] = {
    Session: [
        *("id", "mode", "payment_status", "status", "amount_total", "amount_subtotal", "currency"),
        *("payment_intent", "subscription", "invoice", "success_url", "recovered_from"),
        *("after_expiration", "total_details", "presentment_details", "livemode", "created"),
        *("client_reference_id", "customer_details", "collected_information", "custom_fields"),
    ],
    stripe.LineItem: ["price", "quantity"],
    stripe.PaymentIntent: ["status", "last_payment_error", "latest_charge", "amount_received"],
    stripe.Charge: ["amount_refunded", "payment_intent", "created"],
    stripe.Refund: ["amount", "charge", "payment_intent", "status"],
    stripe.Dispute: [
        *("amount", "charge", "payment_intent", "status", "reason", "evidence_details"),
        "balance_transactions",
    ],
    stripe.Invoice: ["amount_paid", "billing_reason", "parent", "payments", "status", "attempted"],
    stripe.Subscription: ["status", "latest_invoice", "cancel_at", "cancel_at_period_end", "items"],
    stripe.Event: ["id", "type", "created", "account", "livemode", "data", "api_version"],
    stripe.Price: ["active", "type", "unit_amount", "currency"],
    stripe.WebhookEndpoint: ["api_version", "enabled_events", "secret", "status", "url"],
}


def words_of(described: type, name: str) -> set[str]:
    """The values that a field or parameter may have, by its annotation."""
    annotation = described.__annotations__[name]
    text = getattr(annotation, "__forward_arg__", None) or str(annotation)
    return set(re.findall(r"""['"]([^'"]+)['"]""", text))


def parameters(request: Request) -> set[str]:
    """The names of a request's parameters, without the brackets of lists and ranges."""
    query = urlsplit(request.line.split(" ")[1]).query or request.body.decode()
    return {name.partition("[")[0] for name, _ in parse_qsl(query)}


@pytest.mark.parametrize(
    ("described", "name", "values"),
    [
        (WebhookEndpointCreateParams, "enabled_events", {*REGISTERED_TYPES, "*"}),
        (WebhookEndpointCreateParams, "api_version", {API_VERSION}),
        (Session, "status", {"complete", "expired", "open"}),
        (Session, "payment_status", {"paid", "unpaid", "no_payment_required"}),
        (
            stripe.PaymentIntent,
            "status",
            {"succeeded", "canceled", "processing", "requires_payment_method"},
        ),
        (stripe.Invoice, "status", {"paid", "void", "uncollectible"}),
        (stripe.Price, "type", {"one_time", "recurring"}),
    ],
)
def test_stripe_knows_the_values_that_we_send_or_compare(
    described: type, name: str, values: set[str]
) -> None:
    assert values <= words_of(described, name)


@pytest.mark.parametrize("described", READ, ids=lambda each: each.__name__)
def test_stripe_has_the_fields_that_we_read(described: type) -> None:
    assert not set(READ[described]) - described.__annotations__.keys()


async def asked(*scripts: Script | bytes, what: str) -> list[Request]:
    async with upstream(*scripts) as server, stripe_api(server.url) as api:
        match what:
            case "events":
                pages = api.events(["invoice.paid"], since_s=7, only_undelivered=True)
                assert [each async for each in pages]
            case "session":
                await api.read("checkout.session", "cs_test_1")
            case "line_items":
                await api.line_items("cs_test_1")
            case "endpoints":
                await StripeEndpoints(api.client).listed()
            case _:
                await StripeEndpoints(api.client).create("https://x", of_connected_accounts=True)
    return server.requests


@pytest.mark.parametrize(
    ("what", "scripts", "described"),
    [
        ("events", TWO_PAGES, EventListParams),
        ("session", [says_json({"id": "cs_test_1"})], SessionRetrieveParams),
        ("line_items", TWO_PAGES, SessionListLineItemsParams),
        ("endpoints", TWO_PAGES, WebhookEndpointListParams),
        ("create", [says_json({"id": "we_1", "secret": "s"})], WebhookEndpointCreateParams),
    ],
)
async def test_stripe_knows_the_parameters_that_we_send(
    what: str, scripts: Collection[bytes], described: type
) -> None:
    requests = await asked(*scripts, what=what)

    sent = set[str]().union(*map(parameters, requests))
    assert sent
    assert not sent - described.__annotations__.keys()
