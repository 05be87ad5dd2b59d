"""What the console's forms must have, and the headers of its pages."""

from pathlib import Path
from urllib.parse import urljoin

import pytest

from tests.support.builders import event
from tests.support.console import ConsoleShop, console_shop, form_named, sign_in, text_of
from tests.support.orders import order_shop
from tests.web.console.test_signing_in import ACTS, EVERYWHERE, PAGES

pytestmark = pytest.mark.anyio

SECRETS = {"notify_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"]}


async def is_paused(console: ConsoleShop) -> bool:
    page = await console.operator.see("/console/health")
    return "paused since" in text_of(page)


@pytest.mark.parametrize("fields", [{}, {"form_token": ""}, {"form_token": "x" * 43}])
async def test_an_act_needs_the_text_of_the_sessions_forms(
    database_path: Path, fields: dict[str, str]
) -> None:
    async with console_shop(database_path) as console:
        for path in ACTS:
            answer = await console.shop.service.client.post(path, data=fields)
            await console.operator.see("/console/health")  # still signed in

            assert answer.status_code == 403
            assert "not of your session" in text_of(answer.text)
            assert "This token may not" not in answer.text


async def test_a_form_of_another_session_does_nothing(database_path: Path) -> None:
    async with console_shop(database_path, notify_url="http://127.0.0.1:9/", **SECRETS) as console:
        form = form_named(await console.operator.see("/console/notifications"), "Pause")
        console.shop.service.client.cookies.clear()
        await sign_in(console.shop.service.client)
        answer = await console.shop.service.client.post(
            "/console/notifications/pause", data=form.fields
        )
        paused = await is_paused(console)

    assert (answer.status_code, paused) == (403, False)


@pytest.mark.parametrize(
    ("headers", "is_done"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://["}, False),
        ({"Origin": "http://checkout.example", "Host": "checkout.example"}, True),
        # A proxy replaced Host; the browser still says that the page is ours.
        ({"Origin": "https://checkout.example", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://checkout.example", "X-Forwarded-Host": "checkout.example"}, True),
        ({"Origin": "https://evil.example", "X-Forwarded-Host": "checkout.example"}, False),
    ],
)
async def test_a_form_that_another_sites_page_sends_does_nothing(
    database_path: Path, headers: dict[str, str], *, is_done: bool
) -> None:
    settings = {"notify_url": "http://127.0.0.1:9/", "trusted_proxies": ["127.0.0.0/8"]}
    async with console_shop(database_path, **settings, **SECRETS) as console:
        form = form_named(await console.operator.see("/console/notifications"), "Pause")
        answer = await console.shop.service.client.post(
            "/console/notifications/pause", data=form.fields, headers=headers
        )
        paused = await is_paused(console)

    assert answer.status_code == (303 if is_done else 403)
    assert paused == is_done


async def test_a_stranger_does_not_say_which_host_is_ours(database_path: Path) -> None:
    told = {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"}
    async with order_shop(database_path) as shop:
        answer = await sign_in(shop.service.client, headers=told)

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"Origin": "https://checkout.example"}, "another address than the service sees"),
        ({"Origin": "https://checkout.example"}, "pass on the Host header: docs/console.md"),
        ({"Origin": "null"}, "sent by a page of another site"),
        ({"Sec-Fetch-Site": "cross-site"}, "sent by a page of another site"),
    ],
)
async def test_who_signs_in_from_another_address_is_not_told_of_a_wrong_token(
    database_path: Path, headers: dict[str, str], words: str
) -> None:
    async with order_shop(database_path) as shop:
        answer = await sign_in(shop.service.client, headers=headers)

    assert answer.status_code == 403
    assert words in text_of(answer.text)
    assert "API_TOKENS" not in answer.text


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{}", "application/json", 415),
        (b"token=%FF", "application/x-www-form-urlencoded", 415),
        (b"\xff", "application/x-www-form-urlencoded", 415),
        (b"a=1&" * 50, "application/x-www-form-urlencoded", 415),
        (b"token=" + b"x" * 16_384, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_small_form_is_refused(
    database_path: Path, body: bytes, content_type: str, status: int
) -> None:
    async with order_shop(database_path) as shop:
        answer = await shop.service.client.post(
            "/console/sign-in", content=body, headers={"Content-Type": content_type}
        )

    assert answer.status_code == status


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_no_page_is_kept_framed_indexed_or_read_by_scripts(
    database_path: Path, *, is_signed_in: bool
) -> None:
    async with order_shop(database_path) as shop:
        await shop.tell(event())
        if is_signed_in:
            await sign_in(shop.service.client)
        answers = [
            await shop.service.client.get(path, headers={"Origin": "https://shop.example"})
            for path in ["/console", "/console/nothing", *PAGES]
        ]
        redirect = await shop.service.client.get("/console/")

    for answer in answers:
        headers = answer.headers
        policy = headers["Content-Security-Policy"].split("; ")
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["X-Robots-Tag"] == "noindex"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert {"default-src 'none'", "frame-ancestors 'none'", "form-action 'self'"} <= {*policy}
        assert "script" not in headers["Content-Security-Policy"]
        assert "<script" not in answer.text
        assert [name for name in headers if name.startswith("access-control")] == []
    assert redirect.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in redirect.headers["Content-Security-Policy"]


@pytest.mark.parametrize("prefix", ["", "/pay", "/a/b"])
async def test_every_address_is_relative_so_that_a_proxy_may_serve_it_below_a_path(
    database_path: Path, prefix: str
) -> None:
    async with console_shop(database_path) as console:
        await console.shop.tell(event())
        for path in ["/console", *PAGES]:
            html = await console.operator.see(path)
            form = form_named(html, "Sign out")
            seen = urljoin(f"https://shop.example{prefix}{path}", form.action)

            assert seen == f"https://shop.example{prefix}/console/sign-out"
            assert 'href="/' not in html
            assert 'action="/' not in html


async def test_other_addresses_below_it_are_a_page_of_the_console_or_lead_to_it(
    database_path: Path,
) -> None:
    async with console_shop(database_path) as console:
        client = console.shop.service.client
        unknown = [await client.get(path) for path in ("/console/nothing", "/console/a%2Fb/c")]
        slash = await client.get("/console/")
        again = await client.get("/console/sign-in")

    assert [answer.status_code for answer in unknown] == [404, 404]
    assert 'href="../console"' in unknown[0].text
    assert 'href="../../console"' in unknown[1].text
    leads = [(answer.status_code, answer.headers["Location"]) for answer in (slash, again)]
    assert leads == [(303, "../console")] * 2


async def test_the_console_is_in_no_schema(database_path: Path) -> None:
    async with order_shop(database_path) as shop:
        paths = (await shop.service.client.get("/openapi.json")).json()["paths"]

    assert [path for path in paths if path.startswith("/console")] == []
    assert len(EVERYWHERE) > 10
