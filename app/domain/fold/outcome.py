"""A fold's result: rows to write in one transaction, and what to report afterwards."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from app.domain.fold.asking import Memory
from app.domain.fold.records import Link, Mention, Payment, Renewal, Settled, Wake
from app.domain.notifications.notices import Notice, flagged
from app.domain.notifications.notification import NewNotification, notifications
from app.domain.notifications.types import NotificationType
from app.domain.payments.claims import is_foreign, is_mismatch, order_id_of
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.flags import Flag


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The first fields are kinds of rows; the others are for callers and alerts.

    `woken_ids` are events that no longer wait, `settled` those that end in any other state.
    `awake` are objects without remaining wakes. `ended` has the states of the fold's own events,
    except those in `settled`, and `broken` the stored events that failed now. The last three are
    sessions whose payments need attention.
    """

    payments: list[Payment] = field(default_factory=list)
    renewals: list[Renewal] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    woken_ids: list[str] = field(default_factory=list)
    settled: list[Settled] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)
    awake: list[str] = field(default_factory=list)
    notifications: list[NewNotification] = field(default_factory=list)
    silent: list[NewNotification] = field(default_factory=list)

    ended: dict[str, Settled] = field(default_factory=dict)
    broken: list[Settled] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)

    def add_payments(
        self,
        changed: Mapping[str, PaymentFacts],
        memory: Memory,
        now_ms: int,
        *,
        refunded_minor: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Changed payments, and what the owner must know about them.

        `refunded_minor` is by how much the refunds of their renewals changed.
        """
        for session_id, facts in changed.items():
            old = memory.payments.get(session_id)
            sold = memory.sold(session_id, facts)
            payment = Payment(
                session_id=session_id,
                facts=facts,
                updated_at_ms=now_ms,
                version=old.version + 1 if old else 1,
                price_mismatch=is_mismatch(session_id, facts, sold),
                before=old.facts if old else None,
                renewals_refunded_minor=refunded_minor.get(session_id, 0),
            )
            self.payments.append(payment)
            if payment.price_mismatch and not (old and old.price_mismatch):
                self.mismatched.append(session_id)
            if not (old and old.facts.checkout_id) and is_foreign(facts, sold):
                self.foreign.append(session_id)
            if facts.contradicted and not (old and old.facts.contradicted):
                self.contradicted.append(session_id)

    def add_notifications(
        self, new_notices: Mapping[str, Iterable[Notice]], memory: Memory, now_ms: int
    ) -> None:
        """The notices about these payments, which are among the changed ones.

        A change without one is only for the orders table.
        """
        changed = {payment.session_id: payment for payment in self.payments}
        for session_id, notices in new_notices.items():
            payment = changed[session_id]
            mismatch = [flagged(Flag.PRICE_MISMATCH)] if session_id in self.mismatched else []
            all_notices = [*notices, *mismatch]
            kind = self.notifications if all_notices else self.silent
            silent = Notice(type=NotificationType.CHANGED, cause=str(payment.version))
            kind += notifications(
                all_notices or [silent],
                session_id=session_id,
                order_id=_order_id(session_id, payment.facts, memory),
                at_ms=now_ms,
            )

    def add_silent(
        self, session_ids: Iterable[str], memory: Memory, now_ms: int, *, cause: str
    ) -> None:
        """For the orders table: payments that stay as they are, while one of their events changes.

        Such an event counts for the order's version, and a failed one for its flags.
        """
        silent = Notice(type=NotificationType.CHANGED, cause=f"{cause} {now_ms}")
        for session_id in sorted(session_ids):
            facts = memory.payments[session_id].facts
            self.silent += notifications(
                [silent],
                session_id=session_id,
                order_id=_order_id(session_id, facts, memory),
                at_ms=now_ms,
            )


def _order_id(session_id: str, facts: PaymentFacts, memory: Memory) -> str:
    return order_id_of(session_id, facts, memory.sold(session_id, facts))
