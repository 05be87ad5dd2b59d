"""Posts alerts to a chat: Slack's incoming-webhook JSON, which most others take, too."""

import asyncio
from typing import Final

import httpx
import structlog

from app.usecases.ports import AlertName

POST_TIMEOUT_S: Final = 10.0
WAITING_MAX: Final = 50

_log = structlog.get_logger()


class AlertWebhook:
    """A small queue and one task behind it: no request ever waits for somebody's chat."""

    def __init__(self, url: str, client: httpx.AsyncClient) -> None:
        self._url = url
        self._client = client
        self._waiting: asyncio.Queue[tuple[AlertName, str]] = asyncio.Queue(WAITING_MAX)

    def __call__(self, name: AlertName, words: str) -> None:
        """Take an alert on; a full queue drops it, as the log has it anyway."""
        if not self._waiting.full():
            self._waiting.put_nowait((name, words))

    async def run(self) -> None:
        """Post what comes, one after the other, until cancelled."""
        while True:
            name, words = await self._waiting.get()
            try:
                async with asyncio.timeout(POST_TIMEOUT_S):
                    text = f"altan-checkout: *{name}*: {words}"
                    response = await self._client.post(self._url, json={"text": text})
                    response.raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                _log.warning("alert_not_posted", alert=name, error=type(error).__name__)
