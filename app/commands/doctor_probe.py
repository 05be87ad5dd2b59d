"""`altan-checkout doctor --probe`: creates one session, to see how Altan Pay handles our call.

It sends what this deployment sends for a cart of one item: the four documented fields, and what
ALTAN_PAY_EXTRA adds and ALTAN_PAY_PASS allows. Nobody is charged; the session expires.
"""

import asyncio
from collections.abc import Iterator
from importlib.metadata import version
from typing import Final
from urllib.parse import urlsplit

from app.adapters.altan_pay.client import AltanPay, AltanPayAccount
from app.adapters.catalog_file import CatalogError, load_catalog
from app.adapters.http_transport import AiohttpTransport
from app.domain.checkout.cart import PRICE_ID, Cart, LineItem, Mode
from app.domain.checkout.passed_fields import PassedField, PassedFields
from app.domain.checkout.redirects import PaymentPage
from app.domain.errors import CartRefusedError, CheckoutError, ServiceFailedError
from app.settings.settings import Settings
from app.usecases.records import SessionOrder

# Fake values that are easy to find in a session at Stripe.
SAMPLES: Final[PassedFields] = {
    PassedField.CUSTOMER_EMAIL.value: "probe@example.com",
    PassedField.CLIENT_REFERENCE_ID.value: "altan-checkout-probe",
    PassedField.LOCALE.value: "auto",
    PassedField.METADATA.value: {"altan_checkout": "probe"},
}


class ProbeError(Exception):
    """No session was created, or an unexpected one; the message says why and what to do."""


def probe(settings: Settings, *, price: str | None, even_live: bool) -> Iterator[str]:
    """Create a session for `price`, or the catalog's first price, and yield lines to print.

    Raises:
        ProbeError: this may be a live account and `even_live` is not set, there is no price, or
            Altan Pay did not create the session.
    """
    is_test = settings.is_sandbox or settings.stripe_livemode is False
    if not is_test and not even_live:
        raise ProbeError(
            "nothing was created, because the account may be live: STRIPE_LIVEMODE is not false. "
            "Add --live to create one anyway; it charges nobody who does not pay it"
        )
    passed = {name.value: SAMPLES[name] for name in settings.altan_pay_pass}
    page = asyncio.run(_make(settings, _cart(settings, price), passed))
    yield f"Altan Pay created {page.session_id or 'a session'} at {urlsplit(page.url).netloc}."
    _check_mode(page.session_id, expects_live=settings.stripe_livemode)
    yield from _what_next(page, [*(settings.altan_pay_extra or {}), *passed])


def _cart(settings: Settings, price: str | None) -> Cart:
    try:
        prices = load_catalog(settings.catalog_file).prices if settings.catalog_file else {}
    except CatalogError as error:
        raise ProbeError(f"CATALOG_FILE is wrong: {error}") from error
    price = price or next(iter(prices), None)
    if price is None or not PRICE_ID.fullmatch(price):
        raise ProbeError("name one of your prices: altan-checkout doctor --probe --price price_…")
    # By itself, a subscription's one-time fee is sold in payment mode.
    recurs = price in prices and prices[price].recurs
    return Cart((LineItem(price, 1),), Mode.SUBSCRIPTION if recurs else Mode.PAYMENT)


async def _make(settings: Settings, cart: Cart, passed: PassedFields) -> PaymentPage:
    order = SessionOrder(
        cart=cart, success_url=settings.app_url, cancel_url=settings.app_url, passed=passed
    )
    account = AltanPayAccount(
        url=settings.altan_pay_url,
        account_id=settings.altan_account_id,
        stripe_connect_id=settings.altan_stripe_connect_id,
    )
    try:
        async with AiohttpTransport() as transport, asyncio.timeout(settings.altan_pay_timeout_s):
            altan_pay = AltanPay(
                account,
                transport=transport,
                version=version("altan-checkout"),
                allowed_hosts=frozenset(settings.checkout_url_hosts),
                extra=settings.altan_pay_extra,
            )
            return await altan_pay.create(order)
    except CheckoutError as error:
        raise ProbeError(
            _failure(error, has_more=bool(passed or settings.altan_pay_extra))
        ) from error
    except TimeoutError as error:
        waited = f"{settings.altan_pay_timeout_s:g} s"
        raise ProbeError(f"Altan Pay did not answer within {waited}") from error


def _failure(error: CheckoutError, *, has_more: bool) -> str:
    message = f"{error.title}: {error.detail.rstrip('.')}"
    if isinstance(error, ServiceFailedError) and error.reason:
        message += f" ({error.reason})"
    if has_more and isinstance(error, CartRefusedError):
        message += (
            ". Try again with ALTAN_PAY_EXTRA and ALTAN_PAY_PASS unset: if that works, Altan Pay "
            "or Stripe refuses one of those fields"
        )
    return message


def _check_mode(session_id: str | None, *, expects_live: bool | None) -> None:
    """Check the mode in the session's prefix, because it decides which events arrive."""
    is_live = session_id is not None and session_id.startswith("cs_live_")
    if session_id and expects_live not in {None, is_live}:
        wrong = "live" if is_live else "test"
        raise ProbeError(
            f"it is a {wrong} session, whose events STRIPE_LIVEMODE does not count: change the "
            "setting, or ask Altan for the other mode"
        )


def _what_next(page: PaymentPage, further: list[str]) -> Iterator[str]:
    if not further:
        yield "Only the four documented fields were sent."
        return
    yield f"Sent in addition to the four documented fields: {', '.join(further)}."
    yield "The accepted call does not prove that they arrived. Open the page, check what it "
    yield "shows, and pay it with a test card; then look at the session in Stripe's dashboard:"
    yield page.url
