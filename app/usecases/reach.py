"""Which payments the events of a batch concern, and which stored events they wake.

A link that is made may wake events that waited for it, which make links of their own: rounds of
questions, until a round makes no new link, or enough events are woken for one transaction. What is
left then is written down as wakes, and `WakeEvents` goes on with them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from app.domain.stripe_events.evidence import Evidence
from app.domain.stripe_events.readers import read_evidence
from app.usecases.records import EventState, Link, StoredEvent, Wake
from app.usecases.storage import Transaction

# What one transaction wakes: a few ms of SQLite's one writer. A payload is 1 MiB at most.
WAKE_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class EventEvidence:
    """An event's evidence, under its id."""

    event_id: str
    evidence: Evidence


def mentioned_ids(items: Collection[EventEvidence]) -> set[str]:
    """Every id by which these events are about payments, the sessions' own included."""
    ids = {object_id for item in items for object_id in item.evidence.object_ids}
    ids.update(item.evidence.session_id for item in items if item.evidence.session_id)
    return ids


@dataclass(slots=True)
class Waking:
    """How much one transaction may wake, and what it leaves for the next.

    `stored` are wakes of earlier transactions, locked already, to go on with. `tried` is how far
    the last of them was read, `read` how many events were, in all. `contended` are ids whose locks
    another transaction holds.
    """

    events_max: int = WAKE_MAX
    stored: Sequence[Wake] = ()
    left: dict[str, Wake] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    tried: Wake | None = None
    contended: set[str] = field(default_factory=set)
    read: int = 0

    @property
    def room(self) -> int:
        """How many more events may be read."""
        return self.events_max - self.read

    def leave(self, object_ids: Iterable[str]) -> None:
        """The events that speak of these are woken by a later transaction, all of them."""
        for object_id in object_ids:
            self.left[object_id] = Wake(object_id)
            self.done.discard(object_id)

    async def save(self, transaction: Transaction) -> None:
        """Write down what is left, with the links that it hangs on, and forget what is done."""
        if self.left:
            await transaction.keep_wakes(sorted(self.left.values()))
        if self.done:
            await transaction.forget_wakes(sorted(self.done))


class Reach:
    """Which payments each event of a batch concerns, and the links that it makes.

    Each event meets each of its sessions once, and so does each id: the work is linear in them.
    """

    def __init__(self) -> None:
        self.items: dict[str, EventEvidence] = {}
        self.woken: dict[str, EventState] = {}
        self.new_links: set[Link] = set()
        self._sessions_of: defaultdict[str, set[str]] = defaultdict(set)
        self._sessions_by_event: defaultdict[str, set[str]] = defaultdict(set)
        self._mentioning: defaultdict[str, list[EventEvidence]] = defaultdict(list)
        self._newly_linked: set[str] = set()
        self._asked: set[str] = set()

    def sessions_of(self, item: EventEvidence) -> Collection[str]:
        """The payments that an event concerns, by session id."""
        return self._sessions_by_event[item.event_id]

    def tangled(self) -> set[str]:
        """The payments of which some events lead to others' as well."""
        return set().union(
            *(sessions for item in self.items.values() if len(sessions := self._leads_to(item)) > 1)
        )

    def _leads_to(self, item: EventEvidence) -> set[str]:
        """A session's event concerns its own payment; its ids may belong to others', too."""
        ids = item.evidence.object_ids
        return self._sessions_by_event[item.event_id].union(
            *(self._sessions_of[id_] for id_ in ids)
        )

    async def spread(
        self, transaction: Transaction, batch: Sequence[EventEvidence], waking: Waking
    ) -> None:
        """Round after round, until no new link wakes an event, or enough are woken."""
        await self._arrive(transaction, batch)
        await self._go_on(transaction, waking)
        while asking := self._newly_linked - self._asked:
            self._newly_linked.clear()
            if await self._ask(transaction, asking, waking):
                self._asked |= asking
            else:
                waking.leave(asking)

    async def _ask(self, transaction: Transaction, object_ids: set[str], waking: Waking) -> bool:
        """Wake all events that speak of these ids; False where that is not for now."""
        room = waking.room
        if room <= 0:
            return False
        page = await transaction.events_mentioning(object_ids, limit=room + 1)
        return len(page) <= room and await self._wake(transaction, page, waking)

    async def _go_on(self, transaction: Transaction, waking: Waking) -> None:
        """Where earlier transactions stopped."""
        for wake in waking.stored:
            room = waking.room
            if room <= 0:
                break
            page = await transaction.events_of_wake(wake, limit=room)
            if page:
                waking.tried = Wake(wake.object_id, page[-1].id)
            if not await self._wake(transaction, page, waking):
                break
            if len(page) < room:
                waking.done.add(wake.object_id)
            else:
                waking.left[wake.object_id] = Wake(wake.object_id, page[-1].id)

    async def _wake(
        self, transaction: Transaction, page: Sequence[StoredEvent], waking: Waking
    ) -> bool:
        """Let stored events arrive; False where another transaction folds what they mention.

        Their ids are not waited for: two transactions that already hold locks would wait for each
        other.
        """
        found = {stored.id: stored.state for stored in page if stored.id not in self.items}
        woken = [
            EventEvidence(stored.id, evidence)
            for stored in page
            if stored.id in found and (evidence := _evidence_of(stored))
        ]
        ids = mentioned_ids(woken)
        if ids and not await transaction.try_lock(ids):
            waking.contended |= ids
            return False
        waking.read += len(page)
        self.woken.update((item.event_id, found[item.event_id]) for item in woken)
        await self._arrive(transaction, woken)
        return True

    async def _arrive(self, transaction: Transaction, batch: Sequence[EventEvidence]) -> None:
        unknown: set[str] = set()
        for item in batch:
            self.items[item.event_id] = item
            for object_id in item.evidence.object_ids:
                if object_id not in self._mentioning:
                    unknown.add(object_id)
                self._mentioning[object_id].append(item)
        for link in await transaction.links(unknown) if unknown else ():
            self._sessions_of[link.object_id].add(link.session_id)
        for item in batch:
            if item.evidence.session_id:
                self._reach(item, {item.evidence.session_id})
            else:
                linked = (self._sessions_of[object_id] for object_id in item.evidence.object_ids)
                self._reach(item, set().union(*linked))

    def _reach(self, item: EventEvidence, sessions: set[str]) -> None:
        """An event concerns these payments; so does, through its ids, what speaks of them."""
        reaching = [(item, sessions)]
        while reaching:
            item, sessions = reaching.pop()
            new = sessions - self._sessions_by_event[item.event_id]
            self._sessions_by_event[item.event_id] |= new
            for object_id in item.evidence.object_ids if new else ():
                linked = new - self._sessions_of[object_id]
                if linked:
                    self._sessions_of[object_id] |= linked
                    self._newly_linked.add(object_id)
                    self.new_links.update(Link(object_id, session) for session in linked)
                    reaching.extend(
                        (other, linked)
                        for other in self._mentioning[object_id]
                        if not other.evidence.session_id
                    )


def _evidence_of(stored: StoredEvent) -> Evidence | None:
    """None where the payload is gone, or could not be understood before and cannot be now."""
    try:
        return read_evidence(stored.event) if stored.event else None
    except Exception:  # noqa: BLE001 its row says `failed` already, with the reason
        return None
