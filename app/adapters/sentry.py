"""Sends alerts to Sentry. Imported only if SENTRY_DSN is set."""

import asyncio

import sentry_sdk

from app.usecases.ports import AlertName


class SentryChannel:
    """Sends alerts as messages, and nothing else from this process."""

    def __init__(self, dsn: str, *, release: str) -> None:
        # Personal data is off by default; the option to say so is deprecated.
        self._client = sentry_sdk.Client(dsn=dsn, release=release, default_integrations=False)

    def __call__(self, name: AlertName, message: str, *, is_over: bool = False) -> None:
        """Pass the alert to the SDK's own thread."""
        event = {
            "message": f"{name}: {'over: ' if is_over else ''}{message}",
            "level": "info" if is_over else "error",
            "fingerprint": [name],
            "tags": {"alert": name},
        }
        self._client.capture_event(event)  # type: ignore[arg-type]

    async def close(self) -> None:
        """Send pending alerts, for at most two seconds."""
        await asyncio.to_thread(self._client.close, timeout=2.0)
