"""`altan-checkout doctor`: checks whether this deployment would work. Changes nothing.

It creates no checkout session (`--probe` does, in doctor_probe.py): it looks up Altan Pay's host,
connects and checks the certificate. The checks of the other parts are in the files beside this one.
"""

import socket
import sqlite3
import ssl
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from app.adapters.catalog_file import CatalogError, load_catalog
from app.adapters.database.migrate import (
    SCHEMA_REVISION,
    MigrationError,
    current_revision,
    require_file,
    what_is_wrong,
)
from app.adapters.database.private_file import exposed
from app.adapters.database.sqlite.advice import advice_on
from app.adapters.database.sqlite.connection_thread import connect
from app.commands.doctor_clock import SKEW_MAX_S, clock_of
from app.commands.doctor_limits import rate_limits_of
from app.commands.doctor_notifications import notifications_of, orders_table_of
from app.commands.doctor_reconciliation import reconciliation_of
from app.commands.doctor_stripe import stripe_of
from app.commands.doctor_webhooks import webhooks_of
from app.commands.findings import Finding, Verdict
from app.domain.checkout.catalog import OTHERS
from app.settings.doubts import doubts
from app.settings.settings import Settings, odd_names

if TYPE_CHECKING:
    from app.adapters.database.postgres.checkup import Checkup

NETWORK_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Look:
    subject: str
    at: Callable[[Settings], Finding]
    advice: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Check each part in turn; if a check raises, that part fails and the others continue."""
    yield Finding("settings", Verdict.OK, "complete and valid")
    yield from _settings(settings)
    yield from _secrets(settings)
    yield from _shop(settings)
    for look in (
        _Look("database", _database, "check that its folder exists and is writable"),
        _Look("Altan Pay", _altan_pay, "check ALTAN_PAY_URL, DNS and the firewall"),
        _Look("clock", clock_of, "set the clock (NTP)"),
    ):
        try:
            finding = look.at(settings)
        except (OSError, ValueError) as error:
            finding = Finding(look.subject, Verdict.FAILS, f"{_reason(error)}: {look.advice}")
        yield finding
        if look.at is _database and finding.verdict is not Verdict.FAILS:
            yield from webhooks_of(settings)
            yield from reconciliation_of(settings)
        if look.at is _database:
            is_fine = finding.verdict is not Verdict.FAILS
            yield notifications_of(settings, is_database_fine=is_fine)
            yield orders_table_of(settings, is_database_fine=is_fine)
    yield from stripe_of(settings)
    yield from rate_limits_of(settings)
    yield from _off(settings)


def _off(settings: Settings) -> Iterator[Finding]:
    """Yield what is off, which is all right if it is meant so."""
    if settings.stripe_api_key is None:
        message = "off: events that Stripe does not deliver are not found; set STRIPE_API_KEY"
        yield Finding("reconciliation", Verdict.OK, message)
    if settings.alert_webhook_url is None and settings.sentry_dsn is None:
        message = "only in the log and the metrics: set ALERT_WEBHOOK_URL to be sent them"
        yield Finding("alerts", Verdict.OK, message)


def _settings(settings: Settings) -> Iterator[Finding]:
    for line in odd_names():
        yield Finding(line.partition(" ")[0], Verdict.WARNING, line)
    for doubt in doubts(settings):
        yield Finding(doubt.name, Verdict.WARNING, doubt.message)


def _secrets(settings: Settings) -> Iterator[Finding]:
    count = len(settings.stripe_webhook_secrets)
    plural = "" if count == 1 else "s"
    yield Finding("webhook secrets", Verdict.OK, f"{count} secret{plural} in the right format")


def _shop(settings: Settings) -> Iterator[Finding]:
    if settings.is_sandbox:
        yield Finding("mode", Verdict.WARNING, "sandbox: ALTAN_PAY_URL is this machine")
    yield _catalog(settings)


def _catalog(settings: Settings) -> Finding:
    if settings.catalog_file is None:
        message = "none, so all prices of the account can be bought; set CATALOG_FILE"
        return Finding("catalog", Verdict.WARNING, message)
    try:
        catalog = load_catalog(settings.catalog_file)
    except CatalogError as error:
        return Finding("catalog", Verdict.FAILS, str(error))
    count = f"{len(catalog.prices)} prices for sale"
    if catalog.allows_others:
        message = f"{count}, and all others of the account: it has {OTHERS} = true"
        return Finding("catalog", Verdict.WARNING, message)
    return Finding("catalog", Verdict.OK, count)


def _database(settings: Settings) -> Finding:
    if settings.postgres_url:
        return _postgres(settings.postgres_url, settings.database_name)
    path = settings.database_path
    try:
        return _sqlite(path)
    except MigrationError as error:
        return Finding("database", Verdict.FAILS, str(error))
    except sqlite3.Error as error:
        return Finding("database", Verdict.FAILS, f"{path}: {error}: {advice_on(error)}")


def _sqlite(path: Path) -> Finding:
    if not path.exists():
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        probe = folder / f".altan-checkout-doctor-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
        return Finding("database", Verdict.OK, f"{path} does not exist yet; serve will create it")
    require_file(path)
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        revision = current_revision(connection)
        connection.execute("CREATE TABLE doctor_was_here (id INTEGER)")  # rolled back on closing
    if wrong := what_is_wrong(revision):
        return Finding("database", Verdict.FAILS, f"{path} {wrong}")
    message = f"{path} is writable, revision {revision}"
    if files := exposed(path):
        names = " ".join(str(file) for file in files)
        doubt = f"{message}, but other users of this machine can read it: chmod 600 {names}"
        return Finding("database", Verdict.WARNING, doubt)
    return Finding("database", Verdict.OK, message)


def _postgres(url: str, name: str) -> Finding:
    from app.adapters.database.postgres.checkup import check_up  # noqa: PLC0415 most have SQLite
    from app.adapters.database.postgres.errors import DRIVER_ERRORS, reason_of  # noqa: PLC0415

    try:
        return judge_postgres(check_up(url), name)
    except DRIVER_ERRORS as error:
        message = f"{name}: {reason_of(error)}: check DATABASE_URL, and the server's access rules"
        return Finding("database", Verdict.FAILS, message)


def judge_postgres(found: "Checkup", name: str) -> Finding:
    """Judge a server that could be checked."""
    if found.wrong_schema:
        return Finding("database", Verdict.FAILS, f"{name} {found.wrong_schema}")
    doubts = []
    if not found.is_supported:
        doubts.append("is no longer supported by the PostgreSQL project")
    if not found.is_durable:
        doubts.append(
            "does not flush commits (fsync or synchronous_commit is off): a crash loses data"
        )
    if abs(found.skew_s) > SKEW_MAX_S:
        doubts.append(f"has a clock that differs by {found.skew_s:+.0f} s")
    message = f"{name}: PostgreSQL {found.server_version} commits, revision {SCHEMA_REVISION}"
    if doubts:
        return Finding("database", Verdict.WARNING, f"{message}, but it {', and '.join(doubts)}")
    return Finding("database", Verdict.OK, message)


def _altan_pay(settings: Settings) -> Finding:
    url = urlsplit(settings.altan_pay_url)
    host, port = str(url.hostname), url.port or (443 if url.scheme == "https" else 80)
    with socket.create_connection((host, port), NETWORK_TIMEOUT_S) as connection:
        if url.scheme == "http":
            return Finding("Altan Pay", Verdict.OK, f"{host}:{port} answers (plain, loopback)")
        context = ssl.create_default_context()
        with context.wrap_socket(connection, server_hostname=host) as secured:
            certificate, protocol = secured.getpeercert() or {}, secured.version()
            expires_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
            days = int((expires_s - time.time()) // 86_400)
    return Finding("Altan Pay", Verdict.OK, f"{host}: {protocol}, {days} days of TLS left")


def _reason(error: Exception) -> str:
    """An error's words, without the number that the operating system has for it."""
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error)
