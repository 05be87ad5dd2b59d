"""/checkout.js in a browser: from a cart to one payment page, whatever gets lost."""

import pytest

from tests.support.browser.shop_page import (
    CART,
    OTHER_CART,
    Shop,
    ShopPage,
    lose_the_answer,
)
from tests.support.faults.upstream import refusal, says, works

NO_STORAGE = """
Object.defineProperty(window, "sessionStorage", {
  get() { throw new DOMException("denied", "SecurityError"); },
});
"""
FULL_STORAGE = """
for (let size = 2 ** 22, number = 0; size >= 1; number++) {
  try {
    sessionStorage.setItem(`theirs ${number}`, "x".repeat(size));
  } catch {
    size = Math.floor(size / 2);
  }
}
"""
# What tracing, error reports and a shop's own wrapper around fetch add to every request.
ADDS_HEADERS = """
const plain = window.fetch;
window.fetch = (address, init = {}) => plain(address, {
  ...init,
  headers: {
    ...init.headers,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "sentry-trace": "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1",
    baggage: "sentry-release=1",
    "HX-Request": "true",
    Authorization: "Bearer of-the-shop",
  },
});
"""


# --- one cart, one payment page


async def test_a_cart_leads_to_its_payment_page_from_a_page_on_plain_http(
    visit: ShopPage,
) -> None:
    assert await visit.page.evaluate("!isSecureContext && !crypto.randomUUID")

    url = await visit.buy(
        CART
        | {
            "mode": "payment",
            "successUrl": f"{visit.shop.url}/thanks",
            "cancelUrl": f"{visit.shop.url}/cart",
            "clientReferenceId": "Order-42",
        }
    )

    assert "/c/pay/cs_test_" in url
    assert url.endswith("#fid")
    (post,) = visit.sent("POST")
    assert post.post_data_json == {
        "line_items": CART["lineItems"],
        "mode": "payment",
        "success_url": f"{visit.shop.url}/thanks",
        "cancel_url": f"{visit.shop.url}/cart",
        "client_reference_id": "Order-42",
    }
    assert await post.header_value("accept") == "application/json"


async def test_a_page_whose_requests_get_headers_from_elsewhere_can_buy_and_watch(
    shop: Shop,
) -> None:
    async with shop.visited(init_script=ADDS_HEADERS) as visit:
        checkout_id, session_id = await shop.new_checkout()
        await shop.pays(session_id)
        await visit.page.evaluate("delete window.EventSource")
        await visit.watch(checkout_id)
        await visit.until("window.told[0]?.status === 'paid'")

        url = await visit.buy(CART)

        assert "/c/pay/cs_test_" in url
        (post,) = visit.sent("POST")
        assert await post.header_value("authorization") == "Bearer of-the-shop"


async def test_what_looks_like_a_name_within_a_value_stays_as_it_is(visit: ShopPage) -> None:
    problem = await visit.problem(CART | {"clientReferenceId": '{"orderNo":1}'})

    (post,) = visit.sent("POST")
    assert (post.post_data_json or {})["client_reference_id"] == '{"orderNo":1}'
    assert problem["errors"][0]["pointer"] == "/client_reference_id"


async def test_two_clicks_at_once_share_one_request(visit: ShopPage) -> None:
    await visit.buy(CART, CART)

    assert len(visit.sent("POST")) == 1
    assert visit.shop.upstream.calls == 1


async def test_a_click_while_the_payment_page_loads_leads_to_the_same(visit: ShopPage) -> None:
    await visit.page.evaluate("(it) => { startCheckout(it).then(() => startCheckout(it)); }", CART)
    await visit.until("location.host === 'checkout.stripe.com'")

    assert len(visit.sent("POST")) == 1


async def test_two_carts_have_two_keys(visit: ShopPage) -> None:
    await visit.buy(CART, OTHER_CART)

    assert len(set(await visit.keys())) == 2


@pytest.mark.parametrize("is_as_they_left_it", [True, False])
async def test_a_buyer_who_returns_and_buys_again_starts_a_new_checkout(
    visit: ShopPage, *, is_as_they_left_it: bool
) -> None:
    await visit.page.evaluate("window.isLeft = true")
    first = await visit.buy(CART)
    await visit.page.go_back(wait_until="commit")
    if not is_as_they_left_it:
        await visit.open()
    assert await visit.page.evaluate("Boolean(window.isLeft)") == is_as_they_left_it

    assert await visit.buy(CART) != first
    assert len(set(await visit.keys())) == 2


# --- what gets lost


async def test_after_a_lost_answer_and_a_reload_the_same_page_is_reached(visit: ShopPage) -> None:
    await visit.route("", lose_the_answer)
    assert (await visit.problem())["code"] == "network_error"
    await visit.context.unroute(f"{visit.shop.service_url}/checkout")

    await visit.open()
    await visit.buy(CART)

    first, second = await visit.keys()
    assert first == second
    assert visit.shop.upstream.calls == 1


@pytest.mark.parametrize("init_script", [NO_STORAGE, FULL_STORAGE], ids=["none", "full"])
async def test_without_a_storage_the_page_itself_remembers_the_key(
    shop: Shop, init_script: str
) -> None:
    async with shop.visited(init_script=init_script) as visit:
        await visit.route("", lose_the_answer)
        assert (await visit.problem())["code"] == "network_error"
        await visit.context.unroute(f"{shop.service_url}/checkout")

        await visit.buy(CART)

        assert len(set(await visit.keys())) == 1
        assert shop.upstream.calls == 1


async def test_a_full_storage_is_one_that_takes_no_key(shop: Shop) -> None:
    async with shop.visited(init_script=FULL_STORAGE) as visit:
        error = "(key) => { try { sessionStorage[key] = key } catch (e) { return e.name } }"

        assert await visit.page.evaluate(error, "a key of ours") == "QuotaExceededError"


async def test_after_a_failure_of_others_the_same_key_is_sent(visit: ShopPage) -> None:
    visit.shop.upstream.script = says(refusal(500, "Retry-After: 0"))
    problem = await visit.problem()
    visit.shop.upstream.script = works
    await visit.buy(CART)

    assert (problem["code"], problem["status"]) == ("altan_pay_unavailable", 503)
    assert problem["retryAfter"] > 0
    assert len(set(await visit.keys())) == 1


# --- who does not want to any more


async def test_who_has_left_before_asks_nothing(visit: ShopPage) -> None:
    name = await visit.page.evaluate(
        "(it) => startCheckout(it, { signal: AbortSignal.abort() }).catch((e) => e.name)", CART
    )

    assert name == "AbortError"
    assert visit.sent("POST") == []


async def test_after_leaving_during_a_click_the_next_click_continues(
    visit: ShopPage,
) -> None:
    visit.shop.upstream.script = says(b"")  # takes the request, and is silent
    name = await visit.page.evaluate(
        """async (it) => {
          const leaving = new AbortController();
          const buying = startCheckout(it, { signal: leaving.signal }).catch((e) => e.name);
          leaving.abort();
          return buying;
        }""",
        CART,
    )
    assert name == "AbortError"
    await visit.shop.upstream.wait_for_calls(1)
    visit.shop.upstream.script = works
    await visit.shop.upstream.drop_connections()

    await visit.buy(CART)

    assert len(visit.sent("POST")) == 1
