"""Finds the payments that a batch's events concern, and the stored events that they wake.

A session's event names its payment, and links the ids in it to the payment. Any other event
concerns every payment to which one of its ids is linked, and links its other ids to them; without a
link, it waits. A new link may wake events that waited for it, which create further links. So there
are rounds of queries, until a round creates no new link, or enough events are woken for one
transaction. The rest is stored as wakes, and `WakeEvents` continues with them.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from app.domain.fold.asking import Memory, Steps, Wanted
from app.domain.fold.readings import EventEvidence, mentioned_ids, named_checkouts, read_for_fold
from app.domain.fold.records import EventState, Link, StoredEvent, Wake
from app.domain.fold.waking import Waking


class Reach:
    """The payments that each event of a batch concerns, and the new links.

    Each event and each id is combined with each of its sessions once, so the work is linear.
    """

    def __init__(self, memory: Memory, waking: Waking) -> None:
        self.items: dict[str, EventEvidence] = {}
        self.woken: dict[str, EventState] = {}
        self.new_links: set[Link] = set()
        self._memory = memory
        self._waking = waking
        self._sessions_of: defaultdict[str, set[str]] = defaultdict(set)
        self._sessions_by_event: defaultdict[str, set[str]] = defaultdict(set)
        self._mentioning: defaultdict[str, list[EventEvidence]] = defaultdict(list)
        self._newly_linked: set[str] = set()
        self._asked: set[str] = set()

    def sessions_of(self, item: EventEvidence) -> Collection[str]:
        """Return the payments that an event concerns, by session id."""
        return self._sessions_by_event[item.event_id]

    def tangled(self) -> set[str]:
        """Return payments with events that also concern other payments."""
        return set().union(
            *(sessions for item in self.items.values() if len(sessions := self._leads_to(item)) > 1)
        )

    def _leads_to(self, item: EventEvidence) -> set[str]:
        """Add a session's event, which concerns its payment; its ids may also belong to others."""
        ids = item.evidence.object_ids
        return self._sessions_by_event[item.event_id].union(
            *(self._sessions_of[id_] for id_ in ids)
        )

    def spread(self, batch: Sequence[EventEvidence]) -> Steps[None]:
        """Run rounds until no new link wakes an event, or enough are woken.

        The batch's surroundings are known already.
        """
        self._arrive(batch)
        yield from self._go_on()
        while asking := self._newly_linked - self._asked:
            self._newly_linked.clear()
            if (yield from self._ask(asking)):
                self._asked |= asking
            else:
                self._waking.leave(asking)

    def _ask(self, object_ids: set[str]) -> Steps[bool]:
        """Wake all events that mention these ids; False if that is left for later."""
        room = self._waking.room
        if not room:
            return False
        spoken_of = object_ids & self._memory.mentioned
        if not spoken_of:
            return True
        page = (yield Wanted(mentioning=spoken_of, limit=room + 1)).events
        return len(page) <= room and (yield from self._wake(page))

    def _go_on(self) -> Steps[None]:
        """Continue where earlier transactions stopped."""
        waking = self._waking
        for wake in waking.stored:
            room = waking.room
            if not room:
                break
            page = (yield Wanted(wake=wake, limit=room)).events
            if page:
                waking.tried = Wake(wake.object_id, page[-1].id)
            if not (yield from self._wake(page)):
                break
            if len(page) < room:
                waking.done.add(wake.object_id)
            else:
                waking.left[wake.object_id] = Wake(wake.object_id, page[-1].id)

    def _wake(self, page: Sequence[StoredEvent]) -> Steps[bool]:
        """Add stored events; False if another transaction holds an id that they mention.

        Don't wait for these ids: two transactions that hold locks would wait for each other.
        """
        found = {stored.id: stored.state for stored in page if stored.id not in self.items}
        woken = [
            EventEvidence(stored.id, evidence)
            for stored in page
            # None if the payload is deleted, or still cannot be understood.
            if stored.id in found
            and stored.event
            and (evidence := read_for_fold(stored.event).evidence)
        ]
        if ids := mentioned_ids(woken):
            around = yield Wanted(
                ids=ids,
                may_wait=False,
                around=ids - self._memory.around,
                checkout_ids=named_checkouts(woken),
            )
            if not around.is_locked:
                self._waking.contended |= ids
                return False
        self._waking.read += len(page)
        self.woken.update((item.event_id, found[item.event_id]) for item in woken)
        self._arrive(woken)
        return True

    def _arrive(self, batch: Sequence[EventEvidence]) -> None:
        for item in batch:
            self.items[item.event_id] = item
            for object_id in item.evidence.object_ids:
                if object_id not in self._mentioning:
                    self._sessions_of[object_id] |= self._memory.sessions_of.get(object_id, set())
                self._mentioning[object_id].append(item)
        for item in batch:
            if item.evidence.session_id:
                self._reach(item, {item.evidence.session_id})
            else:
                linked = (self._sessions_of[object_id] for object_id in item.evidence.object_ids)
                self._reach(item, set().union(*linked))

    def _reach(self, item: EventEvidence, sessions: set[str]) -> None:
        """Record that an event concerns these payments, and so do others that mention its ids."""
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
