from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.checkout.redirects import PaymentPage, RedirectPolicy, read_payment_page
from app.domain.errors import RedirectNotAllowedError
from tests.domain.checkout.test_urls import KELVIN, LONG_S, NOT_READ

ID = "chk_1"
JOIN = "session_id={CHECKOUT_SESSION_ID}&checkout_id=chk_1"
STRIPE = frozenset({"checkout.stripe.com"})
POINTER = "/payload/success_url"


def policy(**changes: object) -> RedirectPolicy:
    values = {
        "allowed_origins": frozenset({"https://shop.example", "http://localhost:3000"}),
        "success_url_default": "https://shop.example",
        "cancel_url_default": "https://shop.example",
    } | changes
    return RedirectPolicy(**values)  # type: ignore[arg-type]


def success_url(requested: str | None, **changes: object) -> str:
    return policy(**changes).success_url(requested, checkout_id=ID, pointer=POINTER)


def cancel_url(requested: str | None, **changes: object) -> str:
    return policy(**changes).cancel_url(requested, pointer="/cancel_url")


@pytest.mark.parametrize(
    ("requested", "sent"),
    [
        ("https://shop.example", f"https://shop.example/?{JOIN}"),
        ("https://shop.example/", f"https://shop.example/?{JOIN}"),
        ("https://shop.example:443", f"https://shop.example:443/?{JOIN}"),
        ("https://shop.example/thanks", f"https://shop.example/thanks?{JOIN}"),
        ("https://shop.example/thanks/", f"https://shop.example/thanks/?{JOIN}"),
        ("HTTPS://Shop.Example/Thanks", f"HTTPS://Shop.Example/Thanks?{JOIN}"),
        ("https://shop.example/t?a=1", f"https://shop.example/t?a=1&{JOIN}"),
        ("https://shop.example/t?", f"https://shop.example/t?{JOIN}"),
        ("https://shop.example/t#/done", f"https://shop.example/t?{JOIN}#/done"),
        ("https://shop.example/t?a=1#top", f"https://shop.example/t?a=1&{JOIN}#top"),
        ("https://shop.example/t#", f"https://shop.example/t?{JOIN}#"),
        ("https://shop.example?a=1", f"https://shop.example/?a=1&{JOIN}"),
        ("https://shop.example#top", f"https://shop.example/?{JOIN}#top"),
        ("https://shop.example/%7Ba%7D/{b}", f"https://shop.example/%7Ba%7D/{{b}}?{JOIN}"),
        ("https://shop.example/t?a?b", f"https://shop.example/t?a?b&{JOIN}"),
        ("http://localhost:3000/t", f"http://localhost:3000/t?{JOIN}"),
    ],
)
def test_the_success_url_gains_our_ids_and_keeps_all_it_had(requested: str, sent: str) -> None:
    assert success_url(requested) == sent


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        (
            "session_id={CHECKOUT_SESSION_ID}",
            "session_id={CHECKOUT_SESSION_ID}&checkout_id=chk_1",
        ),
        (
            "a=1&session_id={CHECKOUT_SESSION_ID}&b=2",
            "a=1&session_id={CHECKOUT_SESSION_ID}&b=2&checkout_id=chk_1",
        ),
    ],
)
def test_a_placeholder_that_the_page_has_written_itself_is_not_doubled(
    query: str, sent: str
) -> None:
    assert success_url(f"https://shop.example/t?{query}") == f"https://shop.example/t?{sent}"


@pytest.mark.parametrize(
    "text",
    [
        "https://shop.example/cart",
        "https://shop.example",
        "HTTPS://SHOP.example:443/Cart?a={b}&c=%7B#d",
        "http://localhost:3000?x",
    ],
)
def test_the_cancel_url_is_forwarded_byte_for_byte(text: str) -> None:
    assert cancel_url(text) == text


def test_a_page_that_asks_for_nothing_gets_the_shops_own_addresses() -> None:
    success = success_url(None, success_url_default="https://shop.example/ok?a=1")
    cancel = cancel_url(None, cancel_url_default="https://shop.example/Cart#x")

    assert success == f"https://shop.example/ok?a=1&{JOIN}"
    assert cancel == "https://shop.example/Cart#x"


def test_the_owners_own_default_needs_no_place_in_the_list_of_origins() -> None:
    elsewhere = "https://thanks.example/"

    assert success_url(None, success_url_default=elsewhere) == f"{elsewhere}?{JOIN}"
    assert cancel_url(None, cancel_url_default=elsewhere) == elsewhere


FOREIGN = [
    "http://shop.example/",
    "https://shop.example:8443/",
    "https://shop.example:80/",
    "https://www.shop.example/",
    "https://shop.example.evil.example/",
    "https://evilshop.example/",
    "https://shop.exampl/",
    "https://shop-example/",
    "https://evil.example/https://shop.example/",
    "https://evil.example#@shop.example/",
    "https://evil.example?https://shop.example",
    "https://xn--shp-rla.example/",
    "http://localhost/",
    "http://localhost:3001/",
    "https://localhost:3000/",
    "http://127.0.0.1:3000/",
    "http://[::1]:3000/",
    "https://shop..example/",
]


@pytest.mark.parametrize("text", FOREIGN)
def test_an_address_on_another_origin_is_refused_by_its_pointer(text: str) -> None:
    with pytest.raises(RedirectNotAllowedError) as success:
        success_url(text)
    with pytest.raises(RedirectNotAllowedError) as cancel:
        cancel_url(text)

    assert [fault.pointer for fault in success.value.faults] == [POINTER]
    assert "ALLOWED_ORIGINS" in success.value.faults[0].detail
    assert [fault.pointer for fault in cancel.value.faults] == ["/cancel_url"]
    assert cancel.value.detail.startswith("The return URL is not allowed: cancel_url leads to http")
    assert cancel.value.detail.endswith("not one of the shop's origins (ALLOWED_ORIGINS).")


@pytest.mark.parametrize("text", [*NOT_READ, "https://shop.example:0/"], ids=ascii)
def test_an_odd_address_is_refused_even_if_a_browser_would_come_to_the_shop(text: str) -> None:
    with pytest.raises(RedirectNotAllowedError) as success:
        success_url(text)
    with pytest.raises(RedirectNotAllowedError) as cancel:
        cancel_url(text)

    assert [fault.pointer for fault in success.value.faults] == [POINTER]
    assert [fault.pointer for fault in cancel.value.faults] == ["/cancel_url"]


def test_the_success_url_fits_in_stripes_limit_together_with_our_ids() -> None:
    room = 5000 - len(f"https://shop.example/?{JOIN}")
    longest = "https://shop.example/" + "a" * room

    sent = success_url(longest)
    with pytest.raises(RedirectNotAllowedError) as caught:
        success_url(longest + "a")

    assert len(sent) == 5000
    assert caught.value.faults[0].pointer == POINTER


def test_an_address_of_5001_characters_is_refused() -> None:
    with pytest.raises(RedirectNotAllowedError):
        cancel_url("https://shop.example/".ljust(5001, "a"))


@settings(deadline=None)
@given(
    st.from_regex(
        r"https://shop\.example(/[!-\[\]-~]{0,20})?(\?[!-\[\]-~]{0,20})?", fullmatch=True
    ).filter(lambda text: "#" not in text)
)
def test_ids_can_be_read_back_after_any_query(requested: str) -> None:
    sent = success_url(requested)

    pairs = parse_qsl(urlsplit(sent).query, keep_blank_values=True)
    assert pairs[-1] == ("checkout_id", ID)
    assert sent.startswith(requested.partition("?")[0])
    assert "{CHECKOUT_SESSION_ID}" in sent


@pytest.mark.parametrize(
    ("url", "session_id"),
    [
        (
            "https://checkout.stripe.com/c/pay/cs_test_a11YB2#fidkdWxOYHwnPyd1",
            "cs_test_a11YB2",
        ),
        ("https://checkout.stripe.com/c/pay/cs_live_Z9", "cs_live_Z9"),
        ("https://checkout.stripe.com/pay/cs_test_1?x=1", "cs_test_1"),
        ("https://checkout.stripe.com/g/pay/cs_live_1/", "cs_live_1"),
        ("https://checkout.stripe.com/cs_test_1", "cs_test_1"),
        ("https://CHECKOUT.stripe.com:443/pay/cs_test_aB", "cs_test_aB"),
        ("https://checkout.stripe.com/pay/plink_1", None),
        ("https://checkout.stripe.com", None),
        ("https://checkout.stripe.com/", None),
        ("https://checkout.stripe.com/pay/cs_prod_1", None),
        ("https://checkout.stripe.com/pay/cs_test_", None),
        ("https://checkout.stripe.com/pay/cs_test_a-b", None),
        ("https://checkout.stripe.com/pay/xcs_test_a", None),
        ("https://checkout.stripe.com/pay?id=/cs_test_1", None),
        ("https://checkout.stripe.com/pay#/cs_test_1", None),
    ],
)
def test_a_payment_page_is_taken_whole_and_its_session_is_read_from_the_path(
    url: str, session_id: str | None
) -> None:
    page = read_payment_page(url, allowed_hosts=STRIPE)

    assert page == PaymentPage(url, session_id)


@pytest.mark.parametrize(
    "url",
    [
        "https://checkout.stripe.com.evil.example/pay/cs_test_1",
        "https://evil.example/checkout.stripe.com/cs_test_1",
        "https://evil.example#checkout.stripe.com",
        "https://stripe.com/pay/cs_test_1",
        "https://pay.checkout.stripe.com/cs_test_1",
        "https://checkout.stripe.com:8443/pay/cs_test_1",
        "https://checkout.stripe.com:80/pay/cs_test_1",
    ],
)
def test_a_payment_page_elsewhere_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="CHECKOUT_URL_HOSTS"):
        read_payment_page(url, allowed_hosts=STRIPE)


@pytest.mark.parametrize(
    "url",
    [
        *NOT_READ,
        "https://user@checkout.stripe.com/pay/cs_test_1",
        "https://checkout.stripe.com/pay\r\nSet-Cookie: a=b",
        f"https://chec{KELVIN}out.stripe.com/pay/cs_test_1",
        f"https://checkout.{LONG_S}tripe.com/pay/cs_test_1",
        f"https://checkout.stripe.com/pay/cs_test_1#{LONG_S}",
    ],
    ids=ascii,
)
def test_an_odd_payment_page_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"absolute http"):
        read_payment_page(url, allowed_hosts=STRIPE | {"shop.example", "evil.example"})


def test_plain_http_is_refused_even_on_an_allowed_host() -> None:
    with pytest.raises(ValueError, match="is not https"):
        read_payment_page("http://checkout.stripe.com/pay/cs_test_1", allowed_hosts=STRIPE)


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://pay.shop.example/c/pay/cs_live_1", "pay.shop.example"),
        ("https://pay.shop.example:8443/c/pay/cs_live_1", "pay.shop.example:8443"),
        ("http://localhost:8001/c/pay/cs_test_1", "localhost:8001"),
        ("http://127.0.0.1:8001/c/pay/cs_test_1", "127.0.0.1:8001"),
        ("http://[::1]:8001/c/pay/cs_test_1", "[::1]:8001"),
        ("http://localhost/c/pay/cs_test_1", "localhost"),
        ("https://localhost:8001/c/pay/cs_test_1", "localhost:8001"),
    ],
)
def test_a_listed_host_is_taken_with_its_port_and_on_loopback_without_tls(
    url: str, listed: str
) -> None:
    assert read_payment_page(url, allowed_hosts=frozenset({listed})).url == url
    with pytest.raises(ValueError, match="CHECKOUT_URL_HOSTS"):
        read_payment_page(url, allowed_hosts=STRIPE)


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://localhost:8001/", "localhost"),
        ("http://localhost/", "localhost:8001"),
        ("http://127.0.0.1:8001/", "localhost:8001"),
        ("https://pay.shop.example/", "pay.shop.example:8443"),
    ],
)
def test_a_host_is_listed_for_one_port_alone(url: str, listed: str) -> None:
    with pytest.raises(ValueError, match="CHECKOUT_URL_HOSTS"):
        read_payment_page(url, allowed_hosts=frozenset({listed}))


@pytest.mark.parametrize("requested", [None, 7, "cart", "https://evil.example/cart"])
def test_the_way_back_is_to_the_shop_where_no_good_address_is_known(requested: object) -> None:
    shop = policy(cancel_url_default="https://shop.example/default")

    assert shop.way_back(requested) == "https://shop.example/default"
    assert shop.way_back("https://shop.example/cart") == "https://shop.example/cart"
