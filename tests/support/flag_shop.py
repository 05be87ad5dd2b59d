"""A shop with flagged orders, and what its owner is told."""

from dataclasses import dataclass, field
from typing import Any

from app.adapters.database.postgres.database import PostgresDatabase
from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.checkout.cart import Cart, LineItem, Mode
from app.usecases.ports import AlertName
from app.usecases.records import Checkout
from app.usecases.remind_disputes import RemindDisputes
from app.usecases.report_flags import ReportFlags
from tests.support.builders import (
    CHECKOUT_ID,
    NOW_S,
    SESSION_ID,
    Document,
    FixedClock,
    SilentAlarm,
    event,
)
from tests.support.recording import NOW_MS, record
from tests.support.stripe_objects import dispute

DAY_S = 86_400
TWIN_ID = "chk_" + "1" * 36
ELSEWHERE = "https://shop.example/"
DUE = {"due_by": NOW_S + 10 * DAY_S}
DISPUTED = event("charge.dispute.created", dispute(evidence_details=DUE), id="evt_d1")


@dataclass
class Shop:
    """A process of the service; another one shares the database."""

    database: SqliteDatabase | PostgresDatabase
    clock: FixedClock = field(default_factory=FixedClock)
    alarm: SilentAlarm = field(default_factory=SilentAlarm)
    notes: SilentAlarm = field(default_factory=SilentAlarm)

    def __post_init__(self) -> None:
        self.tell = ReportFlags(
            memory=self.database, clock=self.clock, alarm=self.alarm, note=self.notes
        )
        self.remind = RemindDisputes(memory=self.database, clock=self.clock, alarm=self.alarm)

    async def hear(self, *documents: Document) -> None:
        """Stripe's events, one after the other, and what the owner is told then."""
        for document in documents:
            await record(self.database, document, on_change=self.tell.changed)
        await self.tell()

    @property
    def told(self) -> list[str]:
        assert set(self.alarm.names) <= {AlertName.ORDER_FLAGGED}
        return [message for _, message in self.alarm.told]


def numbered(id_: str = CHECKOUT_ID, session_id: str | None = SESSION_ID, **more: Any) -> Checkout:  # noqa: ANN401
    values: Document = {
        "id": id_,
        "created_at_ms": NOW_MS,
        "cart": Cart((LineItem("price_A", 2),), Mode.PAYMENT),
        "client_reference_id": "order-42",
        "success_url": ELSEWHERE,
        "cancel_url": ELSEWHERE,
        "url": "https://checkout.stripe.com/pay/x",
        "session_id": session_id,
    }
    return Checkout(**(values | more))
