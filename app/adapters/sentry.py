"""Sentry, as one more place where alerts go. Imported only where SENTRY_DSN is set."""

import asyncio

import sentry_sdk

from app.usecases.ports import AlertName


class SentryChannel:
    """Sends alerts as messages; nothing else of the process is watched or sent."""

    def __init__(self, dsn: str, *, release: str) -> None:
        # Personal data is off unless asked for; the option that says so is deprecated.
        self._client = sentry_sdk.Client(dsn=dsn, release=release, default_integrations=False)

    def __call__(self, name: AlertName, words: str, *, is_over: bool = False) -> None:
        """Hand the alert to the SDK's own thread."""
        event = {
            "message": f"{name}: {'over: ' if is_over else ''}{words}",
            "level": "info" if is_over else "error",
            "fingerprint": [name],
            "tags": {"alert": name},
        }
        self._client.capture_event(event)  # type: ignore[arg-type]

    async def close(self) -> None:
        """Send what is still there, for two seconds at most."""
        await asyncio.to_thread(self._client.close, timeout=2.0)
