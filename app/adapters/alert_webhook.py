"""Posts alerts to a chat: Slack's incoming-webhook JSON, which most others take, too."""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx
import structlog

from app.usecases.ports import AlertName

POST_TIMEOUT_S: Final = 10.0
WAITING_MAX: Final = 50

Text = Callable[[AlertName, str, bool], str]
"""What people read of an alert, by its name and words, and whether it is over."""

_log = structlog.get_logger()


class AlertWebhook:
    """A small queue and one task behind it: no request ever waits for somebody's chat."""

    def __init__(self, url: str, client: httpx.AsyncClient, *, text: Text) -> None:
        self._url = url
        self._client = client
        self._text = text
        self._waiting: asyncio.Queue[tuple[AlertName, str]] = asyncio.Queue(WAITING_MAX)

    def __call__(self, name: AlertName, words: str, *, is_over: bool = False) -> None:
        """Take an alert on; a full queue drops it, as the log has it anyway."""
        if not self._waiting.full():
            self._waiting.put_nowait((name, self._text(name, words, is_over)))

    async def run(self) -> None:
        """Post what comes, one after the other, until cancelled."""
        while True:
            name, text = await self._waiting.get()
            try:
                async with asyncio.timeout(POST_TIMEOUT_S):
                    response = await self._client.post(self._url, json={"text": text})
                    response.raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                _log.warning("alert_not_posted", alert=name, error=type(error).__name__)
