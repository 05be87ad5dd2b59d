"""What became of webhooks, in PostgreSQL: a part of what a transaction may do."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import astuple
from typing import Any

from app.adapters.database.postgres import statements as sql
from app.adapters.database.rows import row_to_sighting
from app.usecases.records import WebhookSighting


class PostgresSightings(ABC):
    """The few statements about webhooks that a transaction has beside those about payments."""

    @abstractmethod
    async def execute(self, text: str, *parameters: object) -> str:
        """Run one statement; how it ended."""

    @abstractmethod
    async def fetch(self, text: str, *parameters: object) -> list[Any]:
        """The rows of one statement."""

    async def webhook_sightings(self) -> Sequence[WebhookSighting]:
        """When webhooks were last taken, refused and so on; nobody else writes it meanwhile."""
        await self.fetch(sql.LOCK_SIGHTINGS)
        return [row_to_sighting(row) for row in await self.fetch(sql.WEBHOOK_SIGHTINGS)]

    async def see_webhooks(self, sightings: Collection[WebhookSighting]) -> None:
        """Keep these in the place of the former ones."""
        for sighting in sightings:
            await self.execute(sql.SEE_WEBHOOK, *astuple(sighting))

    async def checkouts_between(self, first_id: str, last_id: str, *, limit: int) -> int:
        """How many checkouts have ids between these."""
        return int((await self.fetch(sql.CHECKOUTS_BETWEEN, first_id, last_id, limit))[0][0])
