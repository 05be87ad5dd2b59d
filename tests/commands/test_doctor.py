import asyncio
import email.utils
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from app.adapters.database.postgres.checkup import Checkup
from app.commands.doctor import examine, judge_postgres
from app.commands.doctor_webhooks import judge_webhooks
from app.commands.findings import Finding, Verdict
from app.settings.settings import Settings
from app.usecases.records import WebhookKind, WebhookSighting
from app.usecases.storage import Database, Transaction
from tests.support.builders import query, settings
from tests.support.wire import Script, Upstream, answer, closed_port, resets, upstream

OK, WARNING, FAILS = Verdict.OK, Verdict.WARNING, Verdict.FAILS


def dated(shift_s: float = 0) -> bytes:
    date = email.utils.formatdate(time.time() + shift_s, usegmt=True)
    return answer(b"", f"Date: {date}", "Connection: close")


@asynccontextmanager
async def altan_pay(
    *scripts: Script | bytes, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    async with upstream(*(scripts or (dated(),)), tls=tls) as server:
        yield server


async def findings(examined: Settings) -> dict[str, Finding]:
    """By subject; a subject that is found twice fails the test that looks."""
    found = await asyncio.to_thread(lambda: list(examine(examined)))
    assert len({finding.subject for finding in found}) == len(found)
    return {finding.subject: finding for finding in found}


async def found(folder: Path, subject: str, **changes: object) -> Finding:
    return (await findings(settings(folder, **changes)))[subject]


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
        "catalogue": OK,
        "database": OK,
        "webhooks": OK,
        "Altan Pay": OK,
        "clock": OK,
    }
    assert f"{database_path} is writable" in by_subject["database"].words
    assert {request.line for request in server.requests} == {"HEAD / HTTP/1.1"}


# The catalogue


async def test_without_a_catalogue_it_says_that_any_price_can_be_bought(tmp_path: Path) -> None:
    finding = await found(tmp_path, "catalogue")

    assert finding.verdict is WARNING
    assert "any price of the account can be bought" in finding.words
    assert "CATALOG_FILE" in finding.words


async def test_a_catalogue_that_cannot_be_read_fails(tmp_path: Path) -> None:
    finding = await found(tmp_path, "catalogue", catalog_file=tmp_path / "none.toml")

    assert finding.verdict is FAILS
    assert "none.toml" in finding.words


# Keys and addresses


@pytest.mark.parametrize(
    ("key", "verdict"), [("rk_live_1", OK), ("rk_test_1", OK), ("sk_live_1", WARNING)]
)
async def test_a_stripe_key_should_be_a_restricted_one(
    tmp_path: Path, key: str, verdict: Verdict
) -> None:
    finding = await found(tmp_path, "STRIPE_API_KEY", stripe_api_key=key)

    assert finding.verdict is verdict
    assert key not in finding.words


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
        ({"trusted_proxies": ["10.0.0.0/8", "0.0.0.0/0"]}, "TRUSTED_PROXIES", "0.0.0.0/0 trusts"),
        ({"trusted_proxies": ["::/0"]}, "TRUSTED_PROXIES", "::/0 trusts"),
        ({"trusted_proxies": ["8.0.0.0/7"]}, "TRUSTED_PROXIES", "8.0.0.0/7 trusts"),
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
    assert words in finding.words


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


async def test_a_misspelt_name_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_ORIGIN", "https://pottery.test")

    finding = await found(tmp_path, "ALLOWED_ORIGIN")

    assert finding.verdict is WARNING
    assert "did you mean ALLOWED_ORIGINS?" in finding.words


async def test_several_secrets_are_counted(tmp_path: Path) -> None:
    secrets = ["whsec_12345678", "whsec_87654321"]

    finding = await found(tmp_path, "webhook secrets", stripe_webhook_secrets=secrets)

    assert finding.words == "2 secrets of the right form"


# The database


async def test_a_database_that_is_not_there_yet_is_fine_where_it_can_be_made(
    tmp_path: Path,
) -> None:
    finding = await found(tmp_path / "a" / "b", "database")

    assert finding.verdict is OK
    assert "does not exist yet" in finding.words
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


async def test_a_database_of_another_revision_fails(tmp_path: Path, database_path: Path) -> None:
    query(database_path, "UPDATE alembic_version SET version_num = '0001'")

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert "altan-checkout migrate" in finding.words


async def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    path = tmp_path / "checkout.db"
    await asyncio.to_thread(path.write_bytes, b"somebody's notes " * 100)

    finding = await found(tmp_path, "database")

    assert finding.verdict is FAILS
    assert "check that its folder is there and writable" in finding.words


async def test_a_database_that_other_users_may_open_is_a_warning(
    tmp_path: Path, database_path: Path
) -> None:
    await asyncio.to_thread(database_path.chmod, 0o644)

    finding = await found(tmp_path, "database")

    assert finding.verdict is WARNING
    assert f"chmod 600 {database_path}" in finding.words


async def test_looking_leaves_the_database_as_it_was(tmp_path: Path, database_path: Path) -> None:
    await found(tmp_path, "database")

    tables = query(database_path, "SELECT name FROM sqlite_master WHERE name LIKE 'doctor%'")
    assert tables == []


# Webhooks


@pytest.mark.parametrize("database_kind", ["sqlite", "postgres"])
async def test_the_last_webhooks_are_told_with_their_times(
    tmp_path: Path, database_path: Path, database: Database
) -> None:
    changes = {}
    if database_path.suffix == ".url":
        changes["database_url"] = await asyncio.to_thread(database_path.read_text)
    before = await found(tmp_path, "webhooks", **changes)
    sightings = [
        WebhookSighting(WebhookKind.TAKEN, 1_760_000_000_000, None, 1),
        WebhookSighting(WebhookKind.REFUSED, 1_760_000_001_000, "signature_invalid", 3),
    ]

    async def see(transaction: Transaction) -> None:
        await transaction.see_webhooks(sightings)
        await transaction.commit()

    await database.write(see)
    after = await found(tmp_path, "webhooks", **changes)

    assert before == Finding("webhooks", OK, "never taken; never refused; never ignored")
    assert after.verdict is OK
    assert after.words == (
        "last taken 2025-10-09 08:53:20 UTC; last refused 2025-10-09 08:53:21 UTC "
        "(signature_invalid); never ignored"
    )


def test_a_shop_that_stripe_talks_to_in_vain_is_doubted() -> None:
    finding = judge_webhooks(
        [
            WebhookSighting(WebhookKind.TAKEN, 1, None, 1),
            WebhookSighting(WebhookKind.REFUSED, 2, "signature_invalid", 3),
            WebhookSighting(WebhookKind.UNHEARD, 2, "signature_invalid", 3),
        ]
    )

    assert finding.verdict is WARNING
    assert "nothing_but_refused_webhooks" in finding.words


# PostgreSQL


async def test_a_postgresql_that_works_is_told_with_its_version(
    tmp_path: Path, postgres_url: str
) -> None:
    finding = await found(tmp_path, "database", database_url=postgres_url)

    # The tests' own server does not flush, and that is noticed.
    assert finding.verdict in (OK, WARNING)
    assert re.search(r"PostgreSQL \d+\.\d+ commits, revision \d{4}", finding.words)
    assert (finding.verdict is WARNING) == ("does not flush commits" in finding.words)


@pytest.mark.parametrize(
    ("checkup", "verdict", "words"),
    [
        ({}, OK, "revision"),
        ({"is_supported": False}, WARNING, "older than"),
        ({"is_durable": False}, WARNING, "does not flush commits"),
        ({"skew_s": -40.0}, WARNING, "a clock -40 s off ours"),
        ({"wrong_schema": "is behind"}, FAILS, "is behind"),
    ],
)
def test_what_a_postgresql_is_found_to_be_is_judged(
    checkup: dict[str, Any], verdict: Verdict, words: str
) -> None:
    fine: dict[str, Any] = {"server_version": "17.2", "is_supported": True, "is_durable": True}
    healthy = Checkup(**{**fine, "skew_s": 0.1, "wrong_schema": None, **checkup})

    finding = judge_postgres(healthy, "postgresql://shop@db/checkout")

    assert finding.verdict is verdict
    assert words in finding.words


async def test_a_postgresql_without_our_tables_fails(
    tmp_path: Path, empty_postgres_url: str
) -> None:
    finding = await found(tmp_path, "database", database_url=empty_postgres_url)

    assert finding.verdict is FAILS
    assert "run altan-checkout migrate" in finding.words


async def test_a_postgresql_that_is_not_there_fails_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://shop:hunter2@127.0.0.1:{closed_port()}/checkout"

    finding = await found(tmp_path, "database", database_url=url)

    assert finding.verdict is FAILS
    assert "check DATABASE_URL" in finding.words
    assert "hunter2" not in finding.words


# Altan Pay and the clock


async def test_an_altan_pay_that_nobody_plays_fails(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}"

    by_subject = await findings(settings(tmp_path, altan_pay_url=url))

    assert by_subject["Altan Pay"].verdict is FAILS
    assert by_subject["clock"].verdict is WARNING


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_certificate_that_we_trust_is_told_with_its_days(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.cert_pem.tempfile(dir=str(tmp_path)) as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        async with altan_pay(tls=server_tls(authority)) as server:
            by_subject = await findings(settings(tmp_path, altan_pay_url=server.url))

    assert by_subject["Altan Pay"].verdict is OK
    assert re.search(r"TLSv1\.[23], \d+ days of TLS left", by_subject["Altan Pay"].words)
    assert by_subject["clock"].verdict is OK


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, for a handshake that failed
async def test_a_certificate_from_nobody_we_trust_fails(
    tmp_path: Path, authority: trustme.CA
) -> None:
    async with altan_pay(tls=server_tls(authority)) as server:
        finding = await found(tmp_path, "Altan Pay", altan_pay_url=server.url)

    assert finding.verdict is FAILS


@pytest.mark.parametrize(
    ("shift_s", "verdict"), [(-3600, FAILS), (3600, FAILS), (-20, OK), (20, OK)]
)
async def test_the_clock_is_held_against_altan_pays(
    tmp_path: Path, shift_s: float, verdict: Verdict
) -> None:
    async with altan_pay(dated(shift_s)) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is verdict


@pytest.mark.parametrize(
    "script",
    [answer(b"", "Connection: close"), b"220 mail.example ready\r\n\r\n", resets],
    ids=["no date", "no HTTP", "reset"],
)
async def test_where_nobody_tells_the_time_the_clock_is_only_doubted(
    tmp_path: Path, script: Script | bytes
) -> None:
    async with altan_pay(script) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is WARNING


async def test_a_date_of_another_form_only_leaves_doubt(tmp_path: Path) -> None:
    async with altan_pay(answer(b"", "Date: yesterday", "Connection: close")) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is WARNING


async def test_a_clock_that_is_older_than_this_program_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)

    finding = await found(tmp_path, "clock")

    assert finding.verdict is FAILS
    assert "in the past" in finding.words
