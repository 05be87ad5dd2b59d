"""The fold: a batch of news finds its payments, and joins what it proves to their facts.

A session's event names its payment, and links the ids that it mentions to it. Any other event
concerns every payment to which one of its ids is linked, and links its other ids to them in turn;
while none is, it waits. So each link that is made may wake events that wait for it, which make
links of their own: the rounds end when a round has made no new one. What is reached does not
depend on the order in which events come, and joining does not either.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from app.domain.money import Money
from app.domain.news import PaymentNews
from app.domain.payment import PaymentFacts
from app.domain.payment_news import read_payment_news
from app.usecases.ports import Alarm, AlertName
from app.usecases.records import EventState, Link, Payment, Settled, StoredEvent
from app.usecases.storage import Transaction


@dataclass(frozen=True, slots=True)
class EventNews:
    """An event's news, under its id."""

    event_id: str
    news: PaymentNews


@dataclass(slots=True)
class Folded:
    """What a fold has found out, and has not written yet."""

    changed: list[Payment] = field(default_factory=list)
    new_links: list[Link] = field(default_factory=list)
    woken_ids: list[str] = field(default_factory=list)
    broken: list[Settled] = field(default_factory=list)
    reached_ids: set[str] = field(default_factory=set)
    failures: dict[str, str] = field(default_factory=dict)
    mismatched: list[str] = field(default_factory=list)
    contradicted: list[str] = field(default_factory=list)

    def tell(self, alarm: Alarm) -> None:
        """What the owner must know of these payments; to be said once it is on disk."""
        for woken in self.broken:
            alarm(AlertName.EVENT_FOLD_FAILED, f"{woken.event_id}: {woken.reason}")
        for session_id in self.mismatched:
            alarm(AlertName.PRICE_MISMATCH, f"{session_id} differs from the catalogue")
        for session_id in self.contradicted:
            alarm(AlertName.PAYMENT_CONTRADICTED, f"{session_id}: see events list --payment")

    async def save(self, transaction: Transaction) -> None:
        """Write payments and links, and that the woken events wait no longer, or have failed."""
        await transaction.save_payments(self.changed)
        await transaction.link(self.new_links)
        await transaction.wake(self.woken_ids)
        if self.broken:
            await transaction.settle(self.broken)


def mentioned_ids(items: Collection[EventNews]) -> set[str]:
    """Every id by which these events are about payments, the sessions' own included."""
    ids = {object_id for item in items for object_id in item.news.object_ids}
    ids.update(item.news.session_id for item in items if item.news.session_id)
    return ids


async def fold(transaction: Transaction, items: Sequence[EventNews], now_ms: int) -> Folded:
    """Fold the news of a batch. Their ids must be locked already; the woken events' are here."""
    folded = Folded()
    if items:
        reach = _Reach()
        await reach.spread(transaction, items)
        folded.new_links = sorted(reach.new_links)
        await _join(transaction, reach, folded, now_ms)
    return folded


class _Reach:
    """Which payments each event of a batch concerns, and the links that it makes."""

    def __init__(self) -> None:
        self.items: list[EventNews] = []
        self.woken: dict[str, EventState] = {}
        self.new_links: set[Link] = set()
        self._sessions_of: defaultdict[str, set[str]] = defaultdict(set)

    def sessions_of(self, item: EventNews) -> set[str]:
        """The payments that an event concerns, by session id."""
        if item.news.session_id:
            return {item.news.session_id}
        return set().union(*(self._sessions_of[object_id] for object_id in item.news.object_ids))

    async def spread(self, transaction: Transaction, batch: Sequence[EventNews]) -> None:
        """Round after round, until no new link wakes an event."""
        asked: set[str] = set()
        arriving = batch
        while arriving:
            self.items.extend(arriving)
            object_ids = {object_id for item in arriving for object_id in item.news.object_ids}
            for link in await transaction.links(object_ids):
                self._sessions_of[link.object_id].add(link.session_id)
            self._link_until_nothing_is_new()
            asking = {link.object_id for link in self.new_links} - asked
            asked |= asking
            arriving = await self._wake(transaction, asking) if asking else []

    def _link_until_nothing_is_new(self) -> None:
        has_new = True
        while has_new:
            has_new = False
            for item in self.items:
                sessions = self.sessions_of(item)
                for object_id in item.news.object_ids:
                    new = sessions - self._sessions_of[object_id]
                    if new:
                        has_new = True
                        self._sessions_of[object_id] |= new
                        self.new_links.update(Link(object_id, session) for session in new)

    async def _wake(self, transaction: Transaction, object_ids: set[str]) -> list[EventNews]:
        """The stored events that mention one of these ids and are not here already."""
        here = {item.event_id for item in self.items}
        woken: list[EventNews] = []
        for stored in await transaction.events_mentioning(object_ids):
            news = _news_of(stored)
            if stored.id not in here and news:
                self.woken[stored.id] = stored.state
                woken.append(EventNews(stored.id, news))
        await transaction.lock(mentioned_ids(woken))
        return woken


def _news_of(stored: StoredEvent) -> PaymentNews | None:
    """None where the payload is gone, or could not be understood before and cannot be now."""
    try:
        return read_payment_news(stored.event) if stored.event else None
    except Exception:  # noqa: BLE001 its row says `failed` already, with the reason
        return None


async def _join(transaction: Transaction, reach: _Reach, folded: Folded, now_ms: int) -> None:
    sessions_by_event = {item.event_id: reach.sessions_of(item) for item in reach.items}
    before = await transaction.payments(set().union(*sessions_by_event.values()))
    facts: dict[str, PaymentFacts] = {
        session_id: payment.facts for session_id, payment in before.items()
    }
    for item in reach.items:
        sessions = sessions_by_event[item.event_id]
        try:
            for session_id in sessions:
                known = facts.get(session_id)
                facts[session_id] = known.join(item.news.facts) if known else item.news.facts
        except Exception as error:  # noqa: BLE001 one event's failure is not its neighbours'
            folded.failures[item.event_id] = f"{type(error).__name__}: {error}"
        if sessions:
            folded.reached_ids.add(item.event_id)
    for event_id in sorted(reach.woken.keys() & folded.reached_ids):
        if reach.woken[event_id] is not EventState.WAITING:
            continue
        if reason := folded.failures.get(event_id):
            failed = Settled(event_id=event_id, state=EventState.FAILED, reason=reason)
            folded.broken.append(failed)
        else:
            folded.woken_ids.append(event_id)
    await _compare(transaction, before, facts, folded, now_ms)


async def _compare(
    transaction: Transaction,
    before: Mapping[str, Payment],
    facts: Mapping[str, PaymentFacts],
    folded: Folded,
    now_ms: int,
) -> None:
    """Which payments have changed, and what the owner must know of them."""
    changed = {
        session_id: joined
        for session_id, joined in facts.items()
        if session_id not in before or before[session_id].facts != joined
    }
    expected = (
        await transaction.expected_subtotals(
            {session_id: joined.checkout_id for session_id, joined in changed.items()}
        )
        if changed
        else {}
    )
    for session_id, joined in changed.items():
        old = before.get(session_id)
        payment = Payment(
            session_id=session_id,
            facts=joined,
            updated_at_ms=now_ms,
            version=old.version + 1 if old else 1,
            price_mismatch=is_mismatch(joined, expected.get(session_id)),
        )
        folded.changed.append(payment)
        if payment.price_mismatch and not (old and old.price_mismatch):
            folded.mismatched.append(session_id)
        if joined.contradicted and not (old and old.facts.contradicted):
            folded.contradicted.append(session_id)


def is_mismatch(facts: PaymentFacts, expected: Money | None) -> bool:
    """Whether the catalogue said what the cart costs, and Stripe says something else."""
    return expected is not None and facts.differs_from(expected)
