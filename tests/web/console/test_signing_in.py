"""Who gets into the console: tokens, cookies, and guesses."""

from pathlib import Path

import pytest

from tests.support.builders import SESSION_ID, event, running_service, settings
from tests.support.console import COOKIE, Operator, console_shop, form_named, sign_in, text_of
from tests.support.orders import ADMIN_TOKEN, TOKEN, order_shop

pytestmark = pytest.mark.anyio

PAGES = [
    *("/console/orders", "/console/events", "/console/notifications", "/console/health"),
    *(f"/console/orders/{SESSION_ID}", "/console/events/evt_1"),
]
ACTS = [
    f"/console/orders/{SESSION_ID}/flags/disputed/seen",
    "/console/events/evt_1/replay",
    "/console/events/replay",
    "/console/notifications/pause",
    "/console/notifications/resume",
    f"/console/notifications/msg_{'0' * 26}/resend",
    "/console/reconcile",
    "/console/sign-out",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
EVERYWHERE = ["/console", "/console/", "/console/sign-in", "/console/nothing", *PAGES, *ACTS]


@pytest.mark.parametrize("tokens", [(), (TOKEN,)])
async def test_without_an_operators_token_there_is_nothing_at_these_addresses(
    tmp_path: Path, tokens: tuple[str, ...]
) -> None:
    with_tokens = {"api_tokens": tokens} if tokens else {}
    async with running_service(settings(tmp_path, **with_tokens)) as service:
        answers = {
            (method, path): await service.client.request(method, path)
            for path in EVERYWHERE
            for method in METHODS
        }

    shown = {key: answer.status_code for key, answer in answers.items()}
    assert shown == dict.fromkeys(answers, 404)
    assert [key for key, answer in answers.items() if "Allow" in answer.headers] == []


async def test_who_is_not_signed_in_is_asked_for_the_token(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        answer = await shop.service.client.get("/console")

    assert answer.status_code == 200
    assert "Sign in" in text_of(answer.text)
    assert form_named(answer.text, "Sign in").method == "post"


async def test_the_token_leads_to_the_orders(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        await shop.tell(event())
        answer = await sign_in(shop.service.client)
        orders = await shop.service.client.get("/console")

    assert (answer.status_code, answer.headers["Location"]) == (303, "../console")
    assert SESSION_ID in text_of(orders.text)


async def test_a_session_is_kept_in_a_cookie_that_scripts_and_other_sites_do_not_get(
    database_path: Path,
) -> None:
    async with order_shop(database_path) as shop:
        cookie = (await sign_in(shop.service.client)).headers["Set-Cookie"]

    name_and_value, *attributes = cookie.split("; ")
    assert name_and_value.startswith(f"{COOKIE}=")
    assert ADMIN_TOKEN not in cookie
    # Without Secure, because this is plain HTTP; without Path, so that it is right below a prefix.
    assert sorted(attributes) == ["HttpOnly", "Max-Age=43200", "SameSite=Strict"]


@pytest.mark.parametrize(
    ("proxies", "proto", "is_secure"),
    [
        (["127.0.0.0/8"], "https", True),
        (["127.0.0.0/8"], "http", False),
        (["10.0.0.0/8"], "https", False),
    ],
)
async def test_the_cookie_is_secure_where_a_trusted_proxy_says_that_there_is_tls(
    database_path: Path, proxies: list[str], proto: str, *, is_secure: bool
) -> None:
    told = {"X-Forwarded-Proto": proto, "X-Forwarded-For": "192.0.2.1"}
    async with order_shop(database_path, trusted_proxies=proxies) as shop:
        cookie = (await sign_in(shop.service.client, headers=told)).headers["Set-Cookie"]

    assert ("Secure" in cookie.split("; ")) == is_secure


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        ("wrong", 401, "That is not the token"),
        ("", 401, "That is not the token"),
        ("ä" * 30, 401, "That is not the token"),
        (TOKEN, 403, "one of API_TOKENS"),
    ],
)
async def test_another_token_leads_back_to_the_form(
    database_path: Path, token: str, status: int, message: str
) -> None:
    async with order_shop(database_path) as shop:
        answer = await sign_in(shop.service.client, token)
        after = await shop.service.client.get("/console/health")

    assert (answer.status_code, after.status_code) == (status, 401)
    assert message in text_of(answer.text)
    assert form_named(answer.text, "Sign in").action == "../console/sign-in"
    assert "Set-Cookie" not in answer.headers


async def test_spaces_around_a_pasted_token_do_not_matter(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        answer = await sign_in(shop.service.client, f" {ADMIN_TOKEN}\n")

    assert answer.status_code == 303


async def test_guesses_are_limited_and_the_right_token_always_passes(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        client = shop.service.client
        answers = [await sign_in(client, f"wrong-{n}") for n in range(12)]
        right = await sign_in(client)
        bearer = await client.get("/orders", headers={"Authorization": "Bearer wrong"})

    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert "Too many wrong tokens" in text_of(answers[-1].text)
    assert form_named(answers[-1].text, "Sign in").action == "../console/sign-in"
    assert right.status_code == 303
    assert bearer.status_code == 429  # counted together


async def test_a_page_without_a_session_is_the_form_and_leads_there_afterwards(
    database_path: Path,
) -> None:
    async with order_shop(database_path) as shop:
        await shop.tell(event())
        client = shop.service.client
        for path in PAGES:
            client.cookies.clear()
            refused = await client.get(path, params={"state": "all"})
            form = form_named(refused.text, "Sign in")
            url = refused.url.join(form.action)
            answer = await client.post(url, data=form.fields | {"token": ADMIN_TOKEN})

            assert refused.status_code == 401
            assert "checkout.session.completed" not in refused.text
            assert answer.status_code == 303
            assert url.join(answer.headers["Location"]) == refused.url


@pytest.mark.parametrize("place", ["//evil.example", "https://evil.example", "../orders", "\\", ""])
async def test_nothing_leads_out_of_the_console(database_path: Path, place: str) -> None:
    async with order_shop(database_path) as shop:
        answer = await shop.service.client.post(
            "/console/sign-in", data={"token": ADMIN_TOKEN, "place": place}
        )

    assert (answer.status_code, answer.headers["Location"]) == (303, "../console")


async def test_an_act_without_a_session_does_nothing_and_asks_for_the_token(
    database_path: Path,
) -> None:
    async with order_shop(database_path) as shop:
        for path in ACTS:
            answer = await shop.service.client.post(path, data={"form_token": "x"})

            assert answer.status_code == 401
            assert "nothing was done" in text_of(answer.text)


async def test_signing_out_ends_the_session_in_this_browser(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        answer = await console.operator.press("/console", "Sign out")
        after = await console.shop.service.client.get("/console/health")

    assert (answer.status_code, answer.headers["Location"]) == (303, "../console")
    assert after.status_code == 401


async def test_a_new_token_ends_every_session(database_path: Path) -> None:
    async with console_shop(database_path) as console:
        cookies = dict(console.shop.service.client.cookies)
    changed = f"{ADMIN_TOKEN}_new"
    async with order_shop(database_path, admin_api_token=changed) as shop:
        shop.service.client.cookies.update(cookies)
        refused = await shop.service.client.get("/console/health")
    async with order_shop(database_path) as shop:
        shop.service.client.cookies.update(cookies)
        kept = await Operator(shop.service.client).see("/console/health")

    assert refused.status_code == 401
    assert "Health" in text_of(kept)


@pytest.mark.parametrize(("site", "is_asked"), [("cross-site", True), ("same-origin", False)])
async def test_a_link_from_another_site_is_asked_again_as_from_here(
    database_path: Path, site: str, *, is_asked: bool
) -> None:
    async with order_shop(database_path) as shop:
        answer = await shop.service.client.get("/console/health", headers={"Sec-Fetch-Site": site})

    assert answer.status_code == 401
    assert answer.headers.get("Refresh") == ("0" if is_asked else None)


async def test_an_odd_host_is_asked_for_the_token_too(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        answer = await shop.service.client.get("/console/health", headers={"Host": "["})

    assert answer.status_code == 401
