"""Builds the alert channels, and checks when the database works again."""

import asyncio
import contextlib
import time
from typing import Final

import httpx

from app.adapters.alert_webhook import POST_TIMEOUT_S, AlertWebhook, Text
from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.domain.printable import printable
from app.lifetime import Lifetime
from app.observability.alert_texts import alert_text
from app.observability.alerts import Alerts, Channel
from app.settings.settings import Settings
from app.usecases.ports import AlertName

STORAGE_EVERY_S: Final = 3.0  # while it is down


def alert_channels(settings: Settings, lifetime: Lifetime, *, release: str) -> list[Channel]:
    """Return the channels that are configured in the settings."""
    channels: list[Channel] = []
    if settings.alert_webhook_url:
        client = httpx.AsyncClient(trust_env=False)
        url = settings.alert_webhook_url.get_secret_value()
        webhook = AlertWebhook(url, client, text=_text_for(settings))
        lifetime.closes(client.aclose)
        lifetime.runs(webhook.run)
        channels.append(webhook)
    if settings.sentry_dsn:
        from app.adapters.sentry import SentryChannel  # noqa: PLC0415 most do without its weight

        sentry = SentryChannel(settings.sentry_dsn.get_secret_value(), release=release)
        lifetime.closes(sentry.close)
        channels.append(sentry)
    return channels


def report_failed_work(alerts: Alerts, name: str) -> None:
    """Report background work that failed, and is restarted."""
    message = f"{name} failed and is restarted; see the log"
    alerts(AlertName.BACKGROUND_WORK_FAILED, message, subject=name)


async def watch_storage(alerts: Alerts, database: AnyDatabase) -> None:
    """While the database cannot commit, try it every few seconds, and report when it can."""
    while True:
        await asyncio.sleep(STORAGE_EVERY_S)
        if not alerts.is_open(AlertName.STORAGE_UNAVAILABLE):
            continue
        with contextlib.suppress(StorageUnavailableError):
            await database.write_heartbeat(time.time_ns() // 1_000_000)
            alerts.over(AlertName.STORAGE_UNAVAILABLE, "the database commits again")


def post_test_alert(settings: Settings) -> str | None:
    """Post a test alert to the chat; return the error, or None if the chat accepted it.

    Raises:
        ValueError: no chat is configured.
    """
    if settings.alert_webhook_url is None:
        raise ValueError("ALERT_WEBHOOK_URL is not set, so alerts are not sent to a chat")
    text = (
        f"altan-checkout: *test*: altan-checkout doctor --test-alert was run\n"
        f"Shop: {_shop(settings)}\nBuyers: not affected.\nWhat to do: nothing."
    )
    url = settings.alert_webhook_url.get_secret_value()
    try:
        with httpx.Client(trust_env=False, timeout=POST_TIMEOUT_S) as client:
            answer = client.post(url, json={"text": text})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"no response ({type(error).__name__})"
    if answer.is_success:
        return None
    return f"it answered {answer.status_code}: {answer.text[:200]}"


def _text_for(settings: Settings) -> Text:
    shop = _shop(settings)
    return lambda name, message, is_over: alert_text(shop, name, message, is_over=is_over)


def _shop(settings: Settings) -> str:
    return f"{printable(settings.shop_name_shown)} ({settings.app_url})"
