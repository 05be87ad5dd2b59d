"""Posts alerts to a chat as Slack incoming-webhook JSON, which most other chats accept too."""

import asyncio
from collections.abc import Callable
from typing import Final

import httpx
import structlog

from app.usecases.ports import AlertName

POST_TIMEOUT_S: Final = 10.0
WAITING_MAX: Final = 50

Text = Callable[[AlertName, str, bool], str]
"""Formats an alert's name, message and whether it is over as text for people."""

_log = structlog.get_logger()


class AlertWebhook:
    """A small queue and one task that empties it, so that no request ever waits for the chat."""

    def __init__(self, url: str, client: httpx.AsyncClient, *, text: Text) -> None:
        self._url = url
        self._client = client
        self._text = text
        self._waiting: asyncio.Queue[tuple[AlertName, str]] = asyncio.Queue(WAITING_MAX)

    def __call__(self, name: AlertName, message: str, *, is_over: bool = False) -> None:
        """Queue an alert; if the queue is full, drop it, because the log has it anyway."""
        if not self._waiting.full():
            self._waiting.put_nowait((name, self._text(name, message, is_over)))

    async def run(self) -> None:
        """Post the queued alerts one at a time, until canceled."""
        while True:
            name, text = await self._waiting.get()
            try:
                async with asyncio.timeout(POST_TIMEOUT_S):
                    response = await self._client.post(self._url, json={"text": text})
                    response.raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
                _log.warning("alert_not_posted", alert=name, error=type(error).__name__)
