"""What `altan-checkout doctor` finds in settings, the catalog and webhooks."""

import asyncio
from pathlib import Path

import pytest

from app.commands.doctor_webhooks import judge_webhooks
from app.commands.findings import Finding, Verdict
from app.databases import AnyDatabase
from app.usecases.records import WebhookKind, WebhookSighting
from app.usecases.webhook_ledger import WebhookLedger
from tests.support.builders import settings
from tests.support.examining import FAILS, OK, WARNING, altan_pay, findings, found
from tests.support.wire import closed_port


async def test_a_deployment_that_works_is_fine_in_every_part(
    tmp_path: Path, database_path: Path
) -> None:
    catalog = tmp_path / "catalog.toml"
    await asyncio.to_thread(catalog.write_text, '[[price]]\nid = "price_A"\n')

    async with altan_pay() as server:
        by_subject = await findings(
            settings(
                tmp_path,
                altan_account_id="4f6c1c1e-17a2-4000-8000-0123456789ab",
                altan_pay_url=server.url,
                app_url="https://pottery.test",
                allowed_origins=["https://pottery.test"],
                stripe_livemode=True,
                trusted_proxies=["172.16.0.0/12"],
                catalog_file=catalog,
            )
        )

    assert {subject: finding.verdict for subject, finding in by_subject.items()} == {
        "settings": OK,
        "webhook secrets": OK,
        "mode": WARNING,  # Altan Pay is played by this machine
        "catalog": OK,
        "notifications": OK,
        "orders table": OK,
        "database": OK,
        "webhooks": OK,
        "Altan Pay": OK,
        "clock": OK,
        "reconciliation": OK,  # off
        "alerts": OK,  # only in the log
    }
    assert f"{database_path} is writable" in by_subject["database"].message
    assert {request.line for request in server.requests} == {"HEAD / HTTP/1.1"}


async def test_without_a_catalog_it_says_that_any_price_can_be_bought(tmp_path: Path) -> None:
    finding = await found(tmp_path, "catalog")

    assert finding.verdict is WARNING
    assert "all prices of the account can be bought" in finding.message
    assert "CATALOG_FILE" in finding.message


async def test_of_a_catalog_that_allows_other_prices_it_warns(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.toml"
    text = 'allow_other_prices = true\n[[price]]\nid = "price_A"\n'
    await asyncio.to_thread(catalog.write_text, text)

    finding = await found(tmp_path, "catalog", catalog_file=catalog)

    assert finding.verdict is WARNING
    assert "1 prices for sale, and all others of the account" in finding.message
    assert "allow_other_prices = true" in finding.message


async def test_a_catalog_that_cannot_be_read_fails(tmp_path: Path) -> None:
    finding = await found(tmp_path, "catalog", catalog_file=tmp_path / "none.toml")

    assert finding.verdict is FAILS
    assert "none.toml" in finding.message


@pytest.mark.parametrize(
    ("key", "livemode", "verdict"),
    [
        ("rk_live_1", None, None),
        ("rk_test_1", None, None),
        ("rk_live_1", True, None),
        ("rk_test_1", True, WARNING),
        ("rk_live_1", False, WARNING),
    ],
)
async def test_a_stripe_key_should_be_of_the_mode_that_counts(
    tmp_path: Path, key: str, *, livemode: bool | None, verdict: Verdict | None
) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    keyed = {"stripe_api_key": key, "stripe_api_url": url, "stripe_livemode": livemode}
    all_found = await findings(settings(tmp_path, **keyed))

    finding = all_found.get("STRIPE_API_KEY")
    assert (finding and finding.verdict) is verdict
    assert key not in str(finding)


async def test_an_account_id_that_is_no_uuid_is_doubted(tmp_path: Path) -> None:
    finding = await found(tmp_path, "ALTAN_ACCOUNT_ID", altan_account_id="my-shop")

    assert finding.verdict is WARNING


@pytest.mark.parametrize(
    ("changes", "subject", "words"),
    [
        ({"app_url": "http://pottery.test"}, "APP_URL", "plain http"),
        ({"app_url": "https://shop.example/de"}, "APP_URL", "placeholder"),
        ({"app_url": "http://shop.example.com"}, "APP_URL", "placeholder"),
        ({"success_url": "http://pottery.test/ok"}, "SUCCESS_URL", "plain http"),
        ({"cancel_url": "https://example.org/"}, "CANCEL_URL", "placeholder"),
        ({"allowed_origins": ["https://shop.example"]}, "ALLOWED_ORIGINS", "placeholder"),
        (
            {"app_url": "https://a.test", "allowed_origins": ["https://www.a.test"]},
            "ALLOWED_ORIGINS",
            "add https://a.test",
        ),
        ({}, "ALLOWED_ORIGINS", "unset"),
        ({}, "STRIPE_LIVEMODE", "unset"),
        ({}, "TRUSTED_PROXIES", "unset"),
        ({"trusted_proxies": ["10.0.0.0/8", "0.0.0.0/0"]}, "TRUSTED_PROXIES", "0.0.0.0/0 includes"),
        ({"trusted_proxies": ["::/0"]}, "TRUSTED_PROXIES", "::/0 includes"),
        ({"trusted_proxies": ["8.0.0.0/7"]}, "TRUSTED_PROXIES", "8.0.0.0/7 includes"),
        ({"altan_account_id": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "ALTAN_ACCOUNT_ID", "pla"),
        ({"altan_account_id": "1" * 8 + "-1111-4111-8111-" + "1" * 12}, "ALTAN_ACCOUNT_ID", "pla"),
        (
            {"altan_account_id": "12345678-1234-1234-1234-123456789abc"},
            "ALTAN_ACCOUNT_ID",
            "placeholder",
        ),
        ({"altan_stripe_connect_id": "acct_XXXXXXXX"}, "ALTAN_STRIPE_CONNECT_ID", "placeholder"),
        ({"altan_stripe_connect_id": "acct_your_id"}, "ALTAN_STRIPE_CONNECT_ID", "placeholder"),
        ({"stripe_webhook_secrets": ["whsec_xxxxxxxx"]}, "STRIPE_WEBHOOK_SECRETS", "placeholder"),
        ({"stripe_webhook_secrets": ["whsec_........"]}, "STRIPE_WEBHOOK_SECRETS", "placeholder"),
        (
            {"stripe_webhook_secrets": ["whsec_abcdefgh;whsec_ijklmnop"]},
            "STRIPE_WEBHOOK_SECRETS",
            "with commas",
        ),
    ],
)
async def test_what_is_well_formed_but_probably_wrong_is_doubted(
    tmp_path: Path, changes: dict[str, object], subject: str, words: str
) -> None:
    finding = await found(tmp_path, subject, **changes)

    assert finding.verdict is WARNING
    assert words in finding.message


@pytest.mark.parametrize(
    "networks",
    [
        ["127.0.0.1", "::1"],
        ["10.0.0.0/8"],
        ["172.16.0.0/12", "fc00::/7"],
        ["104.16.0.0/13", "2a06:98c0::/29"],  # Cloudflare's widest
    ],
)
async def test_proxies_in_private_or_one_providers_networks_are_not_doubted(
    tmp_path: Path, networks: list[str]
) -> None:
    by_subject = await findings(settings(tmp_path, trusted_proxies=networks))

    assert "TRUSTED_PROXIES" not in by_subject


async def test_a_shop_on_this_machine_needs_no_https(tmp_path: Path) -> None:
    by_subject = await findings(settings(tmp_path, app_url="http://localhost:9000"))

    assert "APP_URL" not in by_subject


async def test_a_misspelled_name_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLOWED_ORIGIN", "https://pottery.test")

    finding = await found(tmp_path, "ALLOWED_ORIGIN")

    assert finding.verdict is WARNING
    assert "did you mean ALLOWED_ORIGINS?" in finding.message


async def test_several_secrets_are_counted(tmp_path: Path) -> None:
    secrets = ["whsec_12345678", "whsec_87654321"]

    finding = await found(tmp_path, "webhook secrets", stripe_webhook_secrets=secrets)

    assert finding.message == "2 secrets in the right format"


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_the_last_webhooks_are_reported_with_their_times(
    tmp_path: Path, database_path: Path, database: AnyDatabase
) -> None:
    changes = {}
    if database_path.suffix == ".url":
        changes["database_url"] = await asyncio.to_thread(database_path.read_text)
    before = await found(tmp_path, "webhooks", **changes)
    sightings = [
        WebhookSighting(WebhookKind.TAKEN, 1_760_000_000_000, None, 1),
        WebhookSighting(WebhookKind.REFUSED, 1_760_000_001_000, "signature_invalid", 3),
    ]

    async def see(transaction: WebhookLedger) -> None:
        await transaction.see_webhooks(sightings)
        await transaction.commit()

    await database.write(see)
    after = await found(tmp_path, "webhooks", **changes)

    assert before == Finding("webhooks", OK, "never taken; never refused; never ignored")
    assert after.verdict is OK
    assert after.message == (
        "last taken 2025-10-09 08:53:20 UTC; last refused 2025-10-09 08:53:21 UTC "
        "(signature_invalid); never ignored"
    )


def test_a_shop_that_refuses_all_webhooks_gets_a_warning() -> None:
    finding = judge_webhooks(
        [
            WebhookSighting(WebhookKind.TAKEN, 1, None, 1),
            WebhookSighting(WebhookKind.REFUSED, 2, "signature_invalid", 3),
            WebhookSighting(WebhookKind.UNHEARD, 2, "signature_invalid", 3),
        ]
    )

    assert finding.verdict is WARNING
    assert "nothing_but_refused_webhooks" in finding.message
