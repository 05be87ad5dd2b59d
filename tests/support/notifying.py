"""A receiver that a test plays, and a sender that sends to it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.domain.notifications.tries import Answer
from app.usecases.notification_tries import Try
from app.usecases.order_document import Document
from app.usecases.outbox import Notification, Outbox
from app.usecases.send_notifications import SendNotifications
from tests.support.builders import DEADLINE_S, FixedClock

TAKEN = Answer(status=200)
REFUSED = Answer(status=503)
GONE = Answer(status=410)


@dataclass(slots=True)
class PlayedReceiver:
    """Answers as it is told: by notification, or else to all. `is_open` lets it answer at all."""

    answer: Answer = TAKEN
    answers: dict[str, Answer] = field(default_factory=dict)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    posted: list[str] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    at_once: int = 0
    at_once_max: int = 0
    defect: Exception | None = None

    def __post_init__(self) -> None:
        self.is_open.set()

    async def post(self, notification_id: str, document: Document) -> Answer:
        self.posted.append(notification_id)
        self.documents.append(document)
        self.at_once += 1
        self.at_once_max = max(self.at_once_max, self.at_once)
        try:
            await asyncio.sleep(0)
            await self.is_open.wait()
        finally:
            self.at_once -= 1
        if self.defect:
            raise self.defect
        return self.answers.get(notification_id, self.answer)


@dataclass(slots=True)
class Heard:
    """What the report heard."""

    tries: list[tuple[Notification, Try]] = field(default_factory=list)
    defects: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, notification: Notification, tried: Try) -> None:
        self.tries.append((notification, tried))

    def defect(self, notification_id: str, error: Exception) -> None:
        self.defects.append((notification_id, type(error).__name__))

    @property
    def results(self) -> list[str]:
        return [tried.result for _, tried in self.tries]


async def shown(notifications: Sequence[Notification]) -> Mapping[str, Document]:
    """A document without an order."""
    return {each.id: {"type": each.type, "data": {"id": each.order_id}} for each in notifications}


@asynccontextmanager
async def sending(
    outbox: Outbox, receiver: PlayedReceiver, clock: FixedClock, **changes: object
) -> AsyncIterator[SendNotifications]:
    """A sender that runs until the block ends."""
    values: dict[str, object] = {"render": shown, "report": Heard(), "chance": lambda: 0.5}
    sender = SendNotifications(
        outbox=outbox,
        receiver=receiver,
        clock=clock,
        **values | changes,  # type: ignore[arg-type]
    )
    task = asyncio.create_task(sender.run())
    try:
        yield sender
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=DEADLINE_S)
