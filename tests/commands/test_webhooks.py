"""`altan-checkout webhooks`, as an operator runs it, at a sandbox or a server with scripts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.domain.stripe_events.registered import REGISTERED_TYPES
from sandbox.server import SandboxConfig, create_sandbox
from tests.support.commands import Ended, altan_checkout
from tests.support.sandbox.local_servers import listen, serving
from tests.support.stripe_api_calls import ACCOUNT, KEY, says_json
from tests.support.wire import Script, Upstream, answer, upstream

SETUP_KEY = "rk_test_setup_1"
URL = "https://checkout.shop.example/webhooks/stripe"
NONE = says_json({"object": "list", "data": [], "has_more": False})
CREATED = says_json({"id": "we_new", "secret": "whsec_new1"})


def listing(**changes: object) -> bytes:
    endpoint = {
        "id": "we_1",
        "url": URL,
        "status": "enabled",
        "enabled_events": list(REGISTERED_TYPES),
        "api_version": "2026-10-28.endive",
    }
    return says_json({"object": "list", "data": [endpoint | changes], "has_more": False})


def lacks(right: str) -> bytes:
    message = f"Having the '{right}' permission would allow this request to continue."
    return says_json({"error": {"message": message}}, status="403 Forbidden")


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    """The address of a sandbox."""
    listener, url = listen()
    async with serving(create_sandbox(SandboxConfig(public_url=url)), listener):
        yield url


async def webhooks(
    folder: Path, *arguments: str, at: str, setup_key: str = SETUP_KEY, **environment: str
) -> Ended:
    """The service's own settings are missing, as they are before there is an endpoint."""
    environment = {
        "STRIPE_API_URL": at,
        "STRIPE_SETUP_KEY": setup_key,
        "STRIPE_WEBHOOK_SECRETS": "",
        "APP_URL": "",
    } | environment
    return await altan_checkout(folder, "webhooks", *arguments, **environment)


async def ended_at(folder: Path, *arguments: str, answers: list[Script | bytes]) -> Ended:
    async with upstream(*answers) as server:
        return await webhooks(folder, *arguments, at=server.url)


async def test_an_endpoint_is_created_once_and_then_found_in_order(
    tmp_path: Path, sandbox: str
) -> None:
    created = await webhooks(tmp_path, "create", "--url", URL, at=sandbox)
    checked = await webhooks(tmp_path, "check", "--url", URL, at=sandbox)
    again = await webhooks(tmp_path, "create", "--url", URL, at=sandbox)

    assert (created.status, created.errors) == (0, "")
    assert "\nSTRIPE_WEBHOOK_SECRETS=whsec_" in created.output
    assert checked.status == 0
    assert URL in checked.output
    assert "every event" in checked.output
    assert again.status == 1
    assert "has this address already" in again.errors
    assert "whsec_" not in checked.output + again.output + again.errors


async def test_check_looks_at_all_that_lead_to_this_service(tmp_path: Path, sandbox: str) -> None:
    ended = await webhooks(tmp_path, "check", at=sandbox)

    assert ended.status == 0
    assert ended.output.startswith("we_sandbox at http://")


async def test_a_read_key_is_enough_to_check(tmp_path: Path) -> None:
    async with upstream(listing()) as server:
        ended = await webhooks(tmp_path, "check", at=server.url, setup_key="", STRIPE_API_KEY=KEY)

    assert ended.status == 0
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"status": "disabled"}, "is disabled"),
        ({"enabled_events": ["invoice.paid"]}, "review.opened"),
    ],
)
async def test_what_misses_events_is_told_and_exits_with_1(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    ended = await ended_at(tmp_path, "check", answers=[listing(**changes)])

    assert ended.status == 1
    assert words in ended.output


async def test_another_version_is_told_and_exits_with_0(tmp_path: Path) -> None:
    ended = await ended_at(tmp_path, "check", answers=[listing(api_version=None)])

    assert ended.status == 0
    assert "tested with 2026-10-28.endive" in ended.output


async def test_no_endpoint_here_shows_the_others(tmp_path: Path) -> None:
    other = "https://old.shop.example/webhooks/stripe"

    ended = await ended_at(tmp_path, "check", "--url", URL, answers=[listing(url=other)])

    assert ended.status == 1
    assert f"no endpoint at {URL}: {other}." in ended.errors


@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        (["create", "--url", URL], "rak_webhook_write"),
        (["check"], "rak_webhook_read"),
    ],
)
async def test_a_missing_right_is_named(tmp_path: Path, arguments: list[str], right: str) -> None:
    ended = await ended_at(tmp_path, *arguments, answers=[lacks(right)])

    assert ended.status == 1
    assert right in ended.errors
    assert "Webhook Endpoints" in ended.errors
    assert SETUP_KEY not in ended.output + ended.errors


async def test_a_failure_of_create_says_that_it_may_have_worked(tmp_path: Path) -> None:
    ended = await ended_at(
        tmp_path, "create", "--url", URL, answers=[NONE, answer(b"", status="500 No")]
    )

    assert ended.status == 1
    assert "created all the same" in ended.errors


def accounts_named(server: Upstream) -> list[str | None]:
    return [request.headers.get("stripe-account") for request in server.requests]


@pytest.mark.parametrize(
    ("options", "account", "connect"),
    [([], ACCOUNT, b"connect=false"), (["--connect"], None, b"connect=true")],
)
async def test_a_connect_endpoint_is_the_platforms_own(
    tmp_path: Path, options: list[str], account: str | None, connect: bytes
) -> None:
    async with upstream(NONE, CREATED) as server:
        ended = await webhooks(
            tmp_path,
            *("create", "--url", URL, *options),
            at=server.url,
            STRIPE_API_ACCOUNT_HEADER="true",
            ALTAN_STRIPE_CONNECT_ID=ACCOUNT,
        )

    assert ended.status == 0
    assert accounts_named(server) == [account, account]
    assert connect in server.requests[1].body


@pytest.mark.parametrize(
    "url",
    [
        "checkout.shop.example/webhooks/stripe",
        "http://checkout.shop.example/webhooks/stripe",
        "https://checkout.shop.example/",
    ],
)
async def test_a_wrong_address_is_refused_before_anything_is_asked(
    tmp_path: Path, url: str
) -> None:
    async with upstream(NONE) as server:
        ended = await webhooks(tmp_path, "create", "--url", url, at=server.url)

    assert ended.status == 2
    assert "--url" in ended.errors
    assert server.requests == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["create", "--url", URL], "STRIPE_SETUP_KEY is not set"), (["check"], "STRIPE_API_KEY")],
)
async def test_without_a_key_it_says_what_to_do(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    (tmp_path / ".env").write_text(f"STRIPE_SETUP_KEY={SETUP_KEY}\n")  # there it does not count

    ended = await webhooks(tmp_path, *arguments, at="http://127.0.0.1:9", setup_key="")

    assert ended.status == 2
    assert words in ended.errors


async def test_a_secret_key_creates_an_endpoint_too(tmp_path: Path) -> None:
    async with upstream(NONE, CREATED) as stripe:
        created = await webhooks(
            tmp_path, "create", "--url", URL, at=stripe.url, setup_key="sk_test_everything"
        )

    assert (created.status, created.errors) == (0, "")
    assert "sk_test_everything" not in created.output


@pytest.mark.parametrize("key", ["pk_test_public", "whsec_1", "rk_other_1", "sk_prod_1"])
async def test_what_is_no_key_for_this_is_refused(tmp_path: Path, key: str) -> None:
    ended = await webhooks(tmp_path, "check", at="http://127.0.0.1:9", setup_key=key)

    assert ended.status == 2
    assert ended.errors.startswith("STRIPE_SETUP_KEY is wrong: is not a key of Stripe's")
    assert key not in ended.errors
