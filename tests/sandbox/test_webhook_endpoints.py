"""The sandbox plays the webhook endpoints of Stripe's API: used with the service's own client."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app.adapters.stripe_api.endpoints import StripeEndpoints
from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES
from app.usecases.stripe_reads import StripeMalformedError
from sandbox.stripe.webhook_endpoints import ENDPOINTS_MAX
from tests.support.sandbox.local_servers import sandbox_app
from tests.support.stripe_api_calls import stripe_api

URL = "https://checkout.shop.example/webhooks/stripe"


@pytest.fixture
async def endpoints(sandbox: httpx.AsyncClient) -> AsyncIterator[StripeEndpoints]:
    transport = httpx.ASGITransport(sandbox_app(sandbox))
    async with stripe_api(str(sandbox.base_url), transport=transport) as api:
        yield StripeEndpoints(api.client)


async def test_at_first_there_is_the_services_own(endpoints: StripeEndpoints) -> None:
    (own,) = await endpoints.listed()

    assert own.is_ours
    assert own.faults() == own.hints() == []


async def test_a_created_one_is_listed_as_it_was_asked_for(endpoints: StripeEndpoints) -> None:
    created = await endpoints.create(URL, of_connected_accounts=False)

    newest, _own = await endpoints.listed()
    assert newest.id == created.id
    assert created.secret.startswith("whsec_")
    assert newest.is_at(URL)
    assert newest.types == {*REGISTERED_TYPES}
    assert newest.api_version == API_VERSION


async def test_an_account_has_a_few_of_them(endpoints: StripeEndpoints) -> None:
    for number in range(ENDPOINTS_MAX - 1):
        await endpoints.create(f"{URL}?{number}", of_connected_accounts=True)

    with pytest.raises(StripeMalformedError):
        await endpoints.create(URL, of_connected_accounts=True)


@pytest.mark.parametrize("form", [{}, {"url": URL}, {"url": "/path", "enabled_events[]": "*"}])
async def test_half_a_form_is_refused(sandbox: httpx.AsyncClient, form: dict[str, str]) -> None:
    headers = {"Authorization": "Bearer rk_test_1"}

    answer = await sandbox.post("/v1/webhook_endpoints", data=form, headers=headers)

    assert answer.status_code == 400
    assert (await sandbox.post("/v1/webhook_endpoints")).status_code == 401
