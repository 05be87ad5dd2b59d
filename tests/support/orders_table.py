"""A played orders table, and what keeps it on a real database."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.domain.notifications.tries import Answer
from app.usecases.keep_orders_table import LEASE_MS, KeepOrdersTable
from app.usecases.order_document import Document
from app.usecases.orders_table import TableResult, TableState
from app.usecases.outbox import Notification
from tests.support.builders import FixedClock, SilentAlarm
from tests.support.notifying import shown

TAKEN = Answer(status=201)
REFUSED = Answer(status=401)


@dataclass
class PlayedTable:
    """Answers as it is told, to all or to those with a certain order; keeps each upsert's ids.

    `next_answers` are for the next upserts, whatever they contain.
    """

    answer: Answer = TAKEN
    answers: dict[str, Answer] = field(default_factory=dict)
    next_answers: list[Answer] = field(default_factory=list)
    is_fit: bool = True
    upserts: list[list[str]] = field(default_factory=list)

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        ids = [order["id"] for order in orders]
        self.upserts.append(ids)
        if self.next_answers:
            return self.next_answers.pop(0)
        refused = [self.answers[id_] for id_ in ids if id_ in self.answers]
        return refused[0] if refused else self.answer

    async def fits(self) -> bool:
        return self.is_fit


@dataclass
class KeptTable(PlayedTable):
    """Takes everything, and keeps each order's last row."""

    rows: dict[str, Document] = field(default_factory=dict)

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        self.rows |= {order["id"]: order for order in orders}
        return await super().upsert(orders)


@dataclass
class Counted:
    """What the report heard."""

    results: Counter[str] = field(default_factory=Counter)
    refused: int = 0

    def rows(self, result: TableResult, count: int) -> None:
        self.results[result] += count

    def set_aside(self, count: int) -> None:
        self.refused = count


async def shown_orders(session_ids: Collection[str]) -> Mapping[str, Document]:
    """Orders whose ids end as their sessions' do."""
    return {id_: order_of(id_) for id_ in session_ids}


def order_of(session_id: str) -> Document:
    return {"id": session_id.replace("cs_", "chk_"), "session_id": session_id}


async def shown_with_sessions(notifications: Sequence[Notification]) -> Mapping[str, Document]:
    """Documents of such orders."""
    return {each.id: {"data": order_of(each.session_id)} for each in notifications}


@dataclass
class Setting:
    """Processes that share a database and a table."""

    database: Any  # either database, which is a Database and a TableStore
    clock: FixedClock
    alarm: SilentAlarm
    table: PlayedTable = field(default_factory=PlayedTable)
    counted: Counted = field(default_factory=Counted)

    def keep(self, holder: str = "one", **changes: object) -> KeepOrdersTable:
        values: dict[str, Any] = {"store": self.database, "render": shown, "table": self.table}
        values |= {"orders_of": shown_orders, "report": self.counted}
        return KeepOrdersTable(
            clock=self.clock,
            alarm=self.alarm,
            all_clear=self.alarm.over,
            holder=holder,
            chance=lambda: 0.5,
            **values | changes,
        )

    async def state(self) -> TableState:
        found = await self.database.table_state()
        assert isinstance(found, TableState)
        return found


@dataclass(kw_only=True)
class SlowTable(PlayedTable):
    """Takes time to answer one process, while another one tries to send, which gets its answers."""

    setting: Setting
    takes_ms: int = LEASE_MS // 2
    is_asked: bool = False

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        answer = await super().upsert(orders)
        if not self.is_asked:
            self.is_asked = True
            self.setting.clock.ms += self.takes_ms
            await self.setting.keep("other", render=shown_with_sessions)()
            self.is_asked = False
        return answer
