"""Checks of Stripe by a shop while some objects cannot be read."""

from dataclasses import dataclass, field, replace
from typing import Any

from app.domain.payments.status import PaymentStatus
from app.usecases.read_back import QUIET_MS
from app.usecases.reconcile import Check, Reconciled
from app.usecases.reconciliation import ReconciliationState
from app.usecases.take_read_events import Findings
from tests.support.builders import CHECKOUT_ID, NOW_S, FixedClock
from tests.support.checks_at_stripe import reconcile_of
from tests.support.recording import NOW_MS, keep, payments
from tests.support.stores import CHECKOUT
from tests.support.stripe_account import StripeAccount


@dataclass
class CheckedShop:
    """A database, an account at Stripe, and what was said of failures."""

    database: Any  # either database, which is a Database and a ReconciliationStore
    clock: FixedClock
    stripe: StripeAccount = field(default_factory=StripeAccount)
    state: ReconciliationState = field(default_factory=ReconciliationState)
    told: list[list[str]] = field(default_factory=list)

    async def look(self, **asked: bool) -> Reconciled:
        def tell(findings: Findings) -> None:
            self.told.append(list(findings.reasons))

        reconcile = reconcile_of(self.database, self.stripe, self.clock, on_failures=tell)
        result = await reconcile(Check(since_s=NOW_S, state=self.state, **asked))
        self.state = result.state
        return result

    async def start(self, *session_ids: str) -> None:
        """Start checkouts half an hour ago, one after the other."""
        for number, session_id in enumerate(session_ids):
            id_ = f"{CHECKOUT_ID[:-1]}{number}"
            at_ms = NOW_MS + number
            await keep(
                self.database,
                replace(CHECKOUT, id=id_, session_id=session_id, created_at_ms=at_ms),
            )
        self.clock.ms = NOW_MS + QUIET_MS + len(session_ids)

    def asked(self) -> list[object]:
        """Return the ids that were asked for since the last time, in order."""
        ids = [question[-1] for question in self.stripe.asked if question[0] != "events"]
        self.stripe.asked.clear()
        return ids

    async def statuses(self) -> dict[str, PaymentStatus]:
        known = await payments(self.database)
        return {id_: payment.facts.status for id_, payment in known.items()}
