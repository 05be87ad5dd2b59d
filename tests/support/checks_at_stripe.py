"""Checks against Stripe that follow each other, and what they leave."""

from dataclasses import dataclass, field
from typing import Any

from app.domain.stripe_events.event import EventFilter
from app.usecases.keep_reconciled import (
    RENEW_EVERY_S,
    KeepReconciled,
)
from app.usecases.ports import Clock
from app.usecases.reconcile import Reconcile
from app.usecases.stripe_reads import (
    StripeReads,
    StripeUnavailableError,
)
from tests.support.builders import ACCOUNT, FixedClock, SilentAlarm
from tests.support.stripe_account import StripeAccount

EVERY_S = 300.0
DOWN = StripeUnavailableError("Stripe answered 500")


def reconcile_of(
    database: Any,  # noqa: ANN401 either database, which is a Database and a ReconciliationStore
    stripe: StripeReads,
    clock: Clock,
    **changes: object,
) -> Reconcile:
    """A check of Stripe of which nobody hears, unless `changes` say otherwise."""
    values: dict[str, Any] = {
        "store": database,
        "event_filter": EventFilter(ACCOUNT, None),
        "alarm": SilentAlarm(),
        "on_change": lambda _: None,
    }
    return Reconcile(database=database, stripe=stripe, clock=clock, **values | changes)


@dataclass
class Setting:
    """What a process that looks at Stripe is made of."""

    database: Any  # either database, which is a Database and a ReconciliationStore
    clock: FixedClock
    alarm: SilentAlarm
    stripe: StripeAccount = field(default_factory=StripeAccount)
    looked: list[int] = field(default_factory=list)

    def keep(
        self, holder: str = "one", every_s: float = EVERY_S, renew_every_s: float = RENEW_EVERY_S
    ) -> KeepReconciled:
        return KeepReconciled(
            reconcile=reconcile_of(
                self.database,
                self.stripe,
                self.clock,
                alarm=self.alarm,
                all_clear=self.alarm.over,
            ),
            store=self.database,
            clock=self.clock,
            alarm=self.alarm,
            all_clear=self.alarm.over,
            holder=holder,
            every_s=every_s,
            on_checked=self.looked.append,
            renew_every_s=renew_every_s,
        )

    def looked_since(self) -> list[int]:
        """Since when each look so far asked, in days before now."""
        first_type = "checkout.session.completed"
        return [
            int(str(question[2]))
            for question in self.stripe.asked
            if question[0] == "events" and first_type in str(question[1])
        ]
