"""An account at Stripe as the port sees it: what it holds, what was delivered, and what fails."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from app.usecases.stripe_reads import Document, StripeObjectMissingError, StripeReadError

PAGE = 2


def _open_gate() -> asyncio.Event:
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class StripeAccount:
    """While `gate` is closed, lists of events take for ever.

    `failures` are raised by the next calls, one each, `read_failure` by each read, and each of
    `sick` by those of one object, or of one list of events with this type.

    `asked` are the questions so far.
    """

    events_held: list[Document] = field(default_factory=list)
    delivered: set[str] = field(default_factory=set)
    objects: dict[str, Document] = field(default_factory=dict)
    items: dict[str, Sequence[Document]] = field(default_factory=dict)
    failures: list[StripeReadError] = field(default_factory=list)
    read_failure: StripeReadError | None = None
    sick: dict[str, StripeReadError] = field(default_factory=dict)
    page_size: int = PAGE
    asked: list[tuple[object, ...]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=_open_gate)

    async def events(
        self, types: Sequence[str], *, since_s: int, only_undelivered: bool
    ) -> AsyncIterator[Sequence[Document]]:
        self._asked("events", tuple(types), since_s, only_undelivered)
        for each in self.sick.keys() & set(types):
            raise self.sick[each]
        await self.gate.wait()
        found = [
            each
            for each in self.events_held
            if each["type"] in types
            and int(str(each["created"])) >= since_s
            and not (only_undelivered and str(each["id"]) in self.delivered)
        ]
        found.sort(key=lambda each: int(str(each["created"])))
        for start in range(0, len(found), self.page_size):
            yield found[start : start + self.page_size]

    async def read(self, object_type: str, object_id: str) -> Document:
        self._asked("read", object_type, object_id)
        if failure := self.read_failure or self.sick.get(object_id):
            raise failure
        if object_id not in self.objects:
            raise StripeObjectMissingError(f"there is no {object_type}")
        return self.objects[object_id]

    async def line_items(self, session_id: str) -> Sequence[Document]:
        self._asked("line_items", session_id)
        if session_id in self.sick:
            raise self.sick[session_id]
        if session_id not in self.items:
            raise StripeObjectMissingError("there is no session")
        return self.items[session_id]

    def _asked(self, *question: object) -> None:
        self.asked.append(question)
        if self.failures:
            raise self.failures.pop(0)
