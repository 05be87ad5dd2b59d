"""Readers who follow the feed under load see every notification, and each once."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import httpx

from tests.support.builders import query
from tests.support.cluster.fleet import Replica, Shop, running_fleet
from tests.support.durability.storm import Buyers
from tests.support.sizes import FEED_S

TOKEN: Final = "feed-token-of-the-cluster-tests-0123456789"
WAIT_S: Final = 5
LIMIT: Final = 20  # small, so that readers are often in the middle of what is being committed


@dataclass(slots=True)
class Reader:
    """Asks each of its replicas in turn for what comes after the last answer."""

    replicas: Sequence[Replica]
    seen: list[str] = field(default_factory=list)
    cursor: str | None = None

    async def follow(self, is_over: asyncio.Event) -> None:
        """Read until nothing new comes after the load has ended."""
        for replica in itertools.cycle(self.replicas):
            was_over = is_over.is_set()
            if not await self._read(replica) and was_over:
                return

    async def _read(self, replica: Replica) -> int:
        position = {"cursor": self.cursor} if self.cursor else {}
        answer = await replica.client.get(
            "/notifications",
            params={"limit": LIMIT, "wait": WAIT_S, **position},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code == httpx.codes.OK, answer.text
        page = answer.json()
        self.cursor = page["next_cursor"]
        self.seen += [each["id"] for each in page["notifications"]]
        return len(page["notifications"])


async def test_two_replicas_under_load_show_every_reader_every_notification_once(
    shop: Shop, figures: list[str]
) -> None:
    is_over = asyncio.Event()
    async with running_fleet(shop.having(API_TOKENS=TOKEN), 2) as fleet:
        one, other = fleet.replicas
        readers = [Reader([one]), Reader([other]), Reader([one, other])]
        buyers = Buyers(fleet.replicas)

        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.follow(is_over))
            began = time.monotonic()
            async with buyers.buying():
                await asyncio.sleep(FEED_S)  # the length of the load; this waits for nothing
            load_s = time.monotonic() - began
            is_over.set()

    stored = {row["id"] for row in query(shop.database_path, "SELECT id FROM notifications")}
    assert len(stored) == buyers.acknowledged
    for reader in readers:
        assert len(reader.seen) == len(set(reader.seen)), "a notification came twice"
        assert set(reader.seen) == stored, "a notification was skipped"
    figures.append(
        f"feed: {len(readers)} readers at 2 replicas, {load_s:.0f} s, {len(stored):,} "
        f"notifications ({len(stored) / load_s:,.0f}/s): none skipped, none twice"
    )
