"""`doctor` says what STRIPE_API_KEY may read, and what differs at Stripe."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from app.commands.findings import Finding, Verdict
from app.domain.stripe_events.registered import REGISTERED_TYPES
from sandbox.server import SandboxConfig, create_sandbox
from tests.support.builders import settings
from tests.support.examining import FAILS, OK, WARNING, altan_pay, dated, findings
from tests.support.sandbox.local_servers import listen, serving
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.wire import Script, answer, upstream

LIST = says_json({"object": "list", "data": [], "has_more": False})
RIGHTS = [LIST] * 9  # after the request for the time
LACKS = says_json(
    {"error": {"message": "Having the 'rak_charge_read' permission would allow"}},
    status="403 Forbidden",
)
NOBODY = answer(b"{}", status="404 No")
URL = "https://checkout.shop.example/webhooks/stripe"
CATALOG = """
[[price]]
id = "price_sandbox_mug"
unit_amount_minor = 1450
currency = "usd"

[[price]]
id = "price_sandbox_club"
mode = "subscription"
"""


@pytest.fixture
async def sandbox() -> AsyncIterator[str]:
    """The address of a sandbox."""
    listener, url = listen()
    async with serving(create_sandbox(SandboxConfig(public_url=url)), listener):
        yield url


async def found(
    folder: Path, *scripts: Script | bytes, catalog: str | None = None
) -> Mapping[str, Finding]:
    async with upstream(*scripts) as server:
        return await found_at(folder, server.url, catalog=catalog)


async def found_at(
    folder: Path, url: str, *, catalog: str | None = None, **changes: object
) -> Mapping[str, Finding]:
    if catalog is not None:
        (folder / "catalog.toml").write_text(catalog)
        changes["catalog_file"] = folder / "catalog.toml"
    keyed = {"stripe_api_key": KEY, "stripe_api_url": url} | changes
    by_subject = await findings(settings(folder, **keyed))
    assert not any(KEY in finding.message for finding in by_subject.values())
    return by_subject


def listing(*endpoints: dict[str, object]) -> bytes:
    whole: dict[str, object] = {
        "url": URL,
        "status": "enabled",
        "enabled_events": list(REGISTERED_TYPES),
        "api_version": "2026-10-28.endive",
    }
    data = [whole | {"id": f"we_{n}"} | changes for n, changes in enumerate(endpoints)]
    return says_json({"object": "list", "data": data, "has_more": False})


@pytest.mark.parametrize(
    ("scripts", "verdict", "words"),
    [
        ([LIST], OK, "may read all"),
        ([NOBODY], OK, "may read all"),
        ([LIST, LIST, LIST, LIST, LACKS, LIST], FAILS, "rak_charge_read"),
        ([answer(b"{}", status="401 No")], FAILS, "Stripe does not accept the key"),
        ([answer(b"", status="500 No")], FAILS, "STRIPE_API_URL"),
    ],
)
async def test_each_permission_is_tried(
    tmp_path: Path, scripts: list[Script | bytes], verdict: Verdict, words: str
) -> None:
    finding = (await found(tmp_path, *scripts))["Stripe's API"]

    assert finding.verdict is verdict
    assert words in finding.message


async def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    by_subject = await findings(settings(tmp_path))

    assert not by_subject.keys() & {"Stripe's API", "webhook endpoint", "prices at Stripe"}


async def test_with_a_key_that_is_refused_nothing_more_is_asked(tmp_path: Path) -> None:
    by_subject = await found(tmp_path, answer(b"{}", status="401 No"), catalog=CATALOG)

    assert not by_subject.keys() & {"webhook endpoint", "prices at Stripe"}


async def test_all_is_well_at_the_sandbox(tmp_path: Path, sandbox: str) -> None:
    by_subject = await found_at(tmp_path, sandbox, catalog=CATALOG)

    assert by_subject["webhook endpoint"].verdict is OK
    assert by_subject["prices at Stripe"].verdict is OK
    assert by_subject["prices at Stripe"].message.startswith("2 of 2 ")


@pytest.mark.parametrize(
    ("answer_", "verdict", "words"),
    [
        (listing({}), OK, "is sent every event"),
        (listing({"api_version": None}), WARNING, "tested with 2026-10-28.endive"),
        (listing({"status": "disabled"}), FAILS, "is disabled"),
        (listing({"enabled_events": ["invoice.paid"]}), FAILS, "review.opened"),
        (listing({}, {"status": "disabled"}), WARNING, "is disabled"),
        (listing({"url": "https://other.example/hook"}), WARNING, "this account has none"),
        (LACKS, WARNING, 'give it "read" for Webhook Endpoints'),
        (answer(b"", status="500 No"), WARNING, "not compared: Stripe answered 500"),
    ],
)
async def test_the_endpoint_is_compared(
    tmp_path: Path, answer_: bytes, verdict: Verdict, words: str
) -> None:
    finding = (await found(tmp_path, *RIGHTS, answer_))["webhook endpoint"]

    assert finding.verdict is verdict
    assert words in finding.message


@pytest.mark.parametrize(
    ("answers", "verdict", "words"),
    [
        ([NOBODY], FAILS, "price_sandbox_mug is not in the key's account; price_sandbox_club is"),
        (
            [says_json({"active": True, "unit_amount": 1500, "currency": "usd"})],
            FAILS,
            "price_sandbox_mug is 1500 usd at Stripe, and 1450 usd in the catalog",
        ),
        ([LACKS], WARNING, 'give it "read" for Prices'),
        ([answer(b"", status="500 No")], WARNING, "not compared: Stripe answered 500"),
    ],
)
async def test_the_catalogs_prices_are_compared(
    tmp_path: Path, answers: list[bytes], verdict: Verdict, words: str
) -> None:
    finding = (await found(tmp_path, *RIGHTS, listing({}), *answers, catalog=CATALOG))[
        "prices at Stripe"
    ]

    assert finding.verdict is verdict
    assert words in finding.message


@pytest.mark.parametrize("catalog", [None, "broken"])
async def test_without_a_catalog_no_price_is_asked_for(tmp_path: Path, catalog: str | None) -> None:
    assert "prices at Stripe" not in await found(tmp_path, LIST, catalog=catalog)


@pytest.mark.parametrize(
    ("shift_s", "verdict", "words"),
    [(0, OK, "within 30 s of Altan Pay's and Stripe's"), (3600, FAILS, " s off; ")],
)
async def test_the_clock_is_compared_with_stripes_too(
    tmp_path: Path, shift_s: float, verdict: Verdict, words: str
) -> None:
    async with altan_pay() as theirs, upstream(dated(shift_s)) as stripe:
        finding = (await found_at(tmp_path, stripe.url, altan_pay_url=theirs.url))["clock"]

    assert finding.verdict is verdict
    assert words in finding.message
