"""What became of notifications that were sent."""

import asyncio
from collections.abc import Sequence

from app.usecases.notification_tries import Try
from app.usecases.outbox import Delivery, Notification, Outbox
from tests.support.builders import DEADLINE_S
from tests.support.outbox import new_notification


def id_of(number: int) -> str:
    return new_notification(number).id


async def found(outbox: Outbox, number: int) -> tuple[Notification, Sequence[Try]]:
    known = await outbox.find_notification(id_of(number))
    assert known
    return known


async def until_settled(outbox: Outbox, number: int, tries: int = 1) -> Notification:
    """Wait until so many tries of it are written."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            notification, made = await found(outbox, number)
            if len(made) >= tries and notification.leased_until_ms is None:
                return notification
            await asyncio.sleep(0.005)


async def until_taken(outbox: Outbox, number: int) -> None:
    tries = 1
    while (await until_settled(outbox, number, tries)).delivery is not Delivery.TAKEN:
        tries += 1
