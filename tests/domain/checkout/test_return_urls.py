"""Ids in success URLs, and what the shop's page reads when the buyer returns.

`page_reads` and `router_reads` do what `new URLSearchParams(…).get(name)` does in a page: they
decode a query and take the first of a name (URL standard, 5.1 and 6.2).
"""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.domain.checkout.return_urls import (
    NAMES_FOR_PAGES,
    OWN_NAMES,
    SESSION_ID_PLACEHOLDER,
    with_ids,
)
from app.domain.checkout.urls import read_web_url

NEW = {"session_id": SESSION_ID_PLACEHOLDER, "checkout_id": "chk_new"}
JOIN = "session_id={CHECKOUT_SESSION_ID}&checkout_id=chk_new"
SHOP = "https://shop.example"


def sent(requested: str) -> str:
    return with_ids(read_web_url(requested), NEW)


def page_reads(url: str) -> dict[str, str]:
    return _first_of_each(urlsplit(url).query)


def router_reads(url: str) -> dict[str, str]:
    return _first_of_each(urlsplit(url).fragment.partition("#")[0].partition("?")[2])


def _first_of_each(query: str) -> dict[str, str]:
    return dict(reversed(parse_qsl(query, keep_blank_values=True)))


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("session_id=cs_test_old", ""),
        ("checkout_id=chk_old", ""),
        ("session_id=cs_test_old&checkout_id=chk_old", ""),
        ("checkout_id=chk_old&a=1&session_id=cs_test_old&b=2", "a=1&b=2&"),
        ("session_id=1&session_id=2&a=1&session_id=3", "a=1&"),
        ("session_id", ""),
        ("session_id=", ""),
        ("session_id==&a", "a&"),
        ("a=1&session%5Fid=old", "a=1&"),
        ("a=1&session%5fid=old&%63heckout_id=old", "a=1&"),
        ("%73%65%73%73%69%6F%6e%5f%69%64=old", ""),
        ("b=%7b%7D&a=+%20%2B&c&&d=&session_id=old&e==", "b=%7b%7D&a=+%20%2B&c&&d=&e==&"),
    ],
)
def test_earlier_ids_are_replaced_and_all_else_keeps_its_bytes(query: str, kept: str) -> None:
    assert sent(f"{SHOP}/t?{query}") == f"{SHOP}/t?{kept}{JOIN}"
    assert sent(f"{SHOP}?{query}#top") == f"{SHOP}/?{kept}{JOIN}#top"


@pytest.mark.parametrize(
    "query",
    [
        "Session_Id=a",  # pages tell upper case from lower
        "CHECKOUT_ID=a",
        "my_session_id=a",
        "session_id_2=a",
        "session-id=a",
        "sid={CHECKOUT_SESSION_ID}",
        "next=/t%3Fsession_id%3Dcs_old",
        "?session_id=a",
        "session%255Fid=a",
    ],
)
def test_what_only_resembles_our_names_is_the_shops(query: str) -> None:
    assert sent(f"{SHOP}/t?{query}") == f"{SHOP}/t?{query}&{JOIN}"


@pytest.mark.parametrize(
    "encoded",
    [
        "%7BCHECKOUT_SESSION_ID%7D",
        "%7bCHECKOUT_SESSION_ID%7d",
        "%7BCHECKOUT_SESSION_ID}",
        "{CHECKOUT_SESSION_ID%7d",
        "%7BCHECKOUT%5FSESSION%5fID%7D",
        "{%43HECKOUT_SESSION_I%44}",
    ],
)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/t?session_id=", f"/t?{JOIN}"),
        ("/t?a=%20&sid=", "/t?a=%20&sid={CHECKOUT_SESSION_ID}&" + JOIN),
        ("/t/", "/t/{CHECKOUT_SESSION_ID}?" + JOIN),
        ("/t#/done/", f"/t?{JOIN}#/done/{{CHECKOUT_SESSION_ID}}"),
        ("/t#/done?session_id=", f"/t?{JOIN}#/done?{JOIN}"),
    ],
)
def test_an_encoded_placeholder_gets_the_braces_that_stripe_looks_for(
    encoded: str, before: str, after: str
) -> None:
    assert sent(f"{SHOP}{before}{encoded}") == f"{SHOP}{after}"


@pytest.mark.parametrize(
    "text",
    ["%257BCHECKOUT_SESSION_ID%257D", "%7Bcheckout_session_id%7D", "%7BSESSION%7D", "%7B%7D"],
)
def test_what_is_not_stripes_placeholder_stays_encoded(text: str) -> None:
    assert sent(f"{SHOP}/t?a={text}") == f"{SHOP}/t?a={text}&{JOIN}"


@pytest.mark.parametrize(
    ("fragment", "after"),
    [
        ("/thanks?session_id=cs_test_old", f"/thanks?{JOIN}"),
        ("/thanks?checkout%5Fid=chk_old&a=1", f"/thanks?a=1&{JOIN}"),
        ("/thanks?a=1", f"/thanks?a=1&{JOIN}"),
        ("!/thanks?a=1", f"!/thanks?a=1&{JOIN}"),
        ("/thanks?", f"/thanks?{JOIN}"),
        ("/thanks?a=1#top", f"/thanks?a=1&{JOIN}#top"),
        ("/thanks?session_id=old#session_id=old", f"/thanks?{JOIN}#{JOIN}"),
        ("thanks?session_id=old", f"thanks?{JOIN}"),
        ("session_id=cs_test_old&a=1", f"a=1&{JOIN}"),
        ("a=1&session_id={CHECKOUT_SESSION_ID}", f"a=1&{JOIN}"),
    ],
)
def test_a_hash_router_finds_the_ids_in_its_fragment_too(fragment: str, after: str) -> None:
    assert sent(f"{SHOP}/#{fragment}") == f"{SHOP}/?{JOIN}#{after}"


@pytest.mark.parametrize(
    "fragment", ["", "top", "/thanks", "!/thanks", "a=1", "top?a=1", ":~:text=a?b", "/a/session_id"]
)
def test_a_fragment_that_holds_no_ids_and_no_query_of_a_router_is_left_alone(fragment: str) -> None:
    assert sent(f"{SHOP}/t?a=1#{fragment}") == f"{SHOP}/t?a=1&{JOIN}#{fragment}"


def test_an_id_that_no_page_needs_stays_out_of_the_fragment() -> None:
    url = read_web_url(f"{SHOP}/#/thanks?a=1")

    text = with_ids(url, {"checkout_id": "chk_new", "for_stripe_alone": "x"})

    assert text == f"{SHOP}/?checkout_id=chk_new&for_stripe_alone=x#/thanks?a=1&checkout_id=chk_new"


def test_the_address_of_a_thanks_page_can_be_used_again_and_again() -> None:
    first = sent(f"{SHOP}/t?a=1#/thanks?b=2")

    again = sent(first.replace(SESSION_ID_PLACEHOLDER, "cs_test_old").replace("chk_new", "chk_old"))

    assert again == first


NAMES = st.sampled_from([*OWN_NAMES, "session%5Fid", "checkout%5fid", "a", "Session_id", "%7B", ""])
VALUES = st.sampled_from(["", "=", "=old", "={CHECKOUT_SESSION_ID}", "=%7BCHECKOUT_SESSION_ID%7d"])
QUERIES = st.lists(st.builds(str.__add__, NAMES, VALUES), max_size=6).map("&".join)
TEXT = st.from_regex(r"[!-\"$-\[\]-~]{0,12}", fullmatch=True)


@settings(deadline=None)
@given(st.one_of(QUERIES, TEXT), st.one_of(QUERIES, TEXT))
@example("session_id=old", "session_id=old")
def test_pages_of_both_kinds_read_the_new_ids_and_read_them_once(query: str, routed: str) -> None:
    url = sent(f"{SHOP}/t?{query}#/thanks?{routed}")

    assert page_reads(url).items() >= NEW.items()
    assert router_reads(url).items() >= NEW.items()
    for text in (urlsplit(url).query, urlsplit(url).fragment.partition("?")[2]):
        names = [name for name, _ in parse_qsl(text, keep_blank_values=True)]
        assert [names.count(name) for name in NAMES_FOR_PAGES] == [1, 1]
        assert "checkout_key" not in names  # whatever the shop had written there is gone
    assert sent(url) == url


@settings(deadline=None)
@given(st.one_of(QUERIES, TEXT))
def test_the_shops_own_parameters_stay_in_their_order(query: str) -> None:
    literal = sent(f"{SHOP}/t?{query}").removeprefix(f"{SHOP}/t?")

    theirs = [pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] not in OWN_NAMES]
    pairs = parse_qsl(literal, keep_blank_values=True)
    assert [pair for pair in pairs if pair[0] not in OWN_NAMES] == theirs
