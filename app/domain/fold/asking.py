"""Queries of a fold, and their answers, as values.

while wanted := fold.wanted():
await transaction.lock(wanted.ids)
fold.learn(await transaction.look_around(wanted))
"""

from collections import defaultdict
from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from app.domain.fold.records import Link, Payment, Renewal, StoredEvent, Wake
from app.domain.payments.claims import SoldCheckout
from app.domain.payments.facts import PaymentFacts

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look up together; empty fields ask for nothing.

    `ids` must be locked first; `may_wait` allows waiting for another transaction that holds one.
    For the ids in `around`: their links, whether stored events mention them, the payments of the
    sessions among them and of linked ones, and the checkouts that these pay or name.
    `checkout_ids` are further checkouts. Stored events are requested by id (`events`), by the ids
    that they mention, or as the next ones of a wake: at most `limit`, or all.
    """

    ids: Collection[str] = ()
    may_wait: bool = True
    known: Collection[str] = ()
    around: Collection[str] = ()
    checkout_ids: Collection[str] = ()
    events: Collection[str] = ()
    mentioning: Collection[str] = ()
    wake: Wake | None = None
    limit: int | None = None
    wakes_max: int = 0
    renewals: Mapping[str, Collection[str]] = field(default_factory=dict)
    """By session id: the renewals that contain one of these ids."""
    renewals_of: Collection[str] = ()
    """All renewals of these sessions; used if `renewals` is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The answer. `known_events` are stored and have not failed; `events` are sorted by id.

    `is_locked` is False if another transaction holds one of the ids; then nothing was looked up.
    """

    is_locked: bool = True
    known_events: Collection[str] = ()
    links: Collection[Link] = ()
    mentioned: Collection[str] = ()
    payments: Mapping[str, Payment] = field(default_factory=dict)
    checkouts: Collection[SoldCheckout] = ()
    events: Sequence[StoredEvent] = ()
    wakes: Sequence[Wake] = ()
    renewals: Collection[Renewal] = ()


Steps: TypeAlias = Generator[Wanted, Surroundings, T]


class Memory:
    """What was looked up around ids, which are locked, so it stays true until the end."""

    def __init__(self) -> None:
        self.around: set[str] = set()
        self.sessions_of: defaultdict[str, set[str]] = defaultdict(set)
        self.mentioned: set[str] = set()
        self.payments: dict[str, Payment] = {}
        self._checkouts: dict[str, SoldCheckout] = {}
        self._checkout_of_session: dict[str, SoldCheckout] = {}
        self._asked_checkouts: set[str] = set()

    def take(self, wanted: Wanted, found: Surroundings) -> None:
        """Store an answer."""
        if not found.is_locked:
            return
        self.around.update(wanted.around)
        self._asked_checkouts.update(wanted.checkout_ids)
        for link in found.links:
            self.sessions_of[link.object_id].add(link.session_id)
        self.mentioned.update(found.mentioned)
        self.payments.update(found.payments)
        named = (payment.facts.checkout_id for payment in found.payments.values())
        self._asked_checkouts.update(id_ for id_ in named if id_)
        # A session belongs to one checkout; if an upstream repeats an id, the latest checkout
        # counts.
        for checkout in sorted(found.checkouts, key=lambda each: each.id):
            self._checkouts[checkout.id] = checkout
            if checkout.session_id:
                self._checkout_of_session[checkout.session_id] = checkout

    def sold(self, session_id: str, facts: PaymentFacts) -> SoldCheckout | None:
        """Return the checkout that a session pays or claims; its own takes precedence."""
        own = self._checkout_of_session.get(session_id)
        return own or self._checkouts.get(facts.checkout_id or "")

    def checkouts_to_ask(self, changed: Mapping[str, PaymentFacts]) -> set[str]:
        """Return checkouts that payments name, but that were neither found nor requested."""
        return {
            facts.checkout_id
            for session_id, facts in changed.items()
            if facts.checkout_id
            and facts.checkout_id not in self._asked_checkouts
            and self.sold(session_id, facts) is None
        }


class Inquiry:
    """A computation that makes queries, step by step, until it knows enough."""

    def __init__(self, memory: Memory, steps: Steps[None]) -> None:
        self._memory = memory
        self._steps = steps
        self._wanted = next(steps, None)

    def wanted(self) -> Wanted | None:
        """Return what to look up next; None if nothing more is needed."""
        return self._wanted

    def learn(self, found: Surroundings) -> None:
        """Continue with an answer."""
        assert self._wanted is not None  # noqa: S101 nobody answers what was not asked
        self._memory.take(self._wanted, found)
        try:
            self._wanted = self._steps.send(found)
        except StopIteration:
            self._wanted = None

    def give_way(self) -> None:
        """Continue without an answer, because another transaction holds the locks."""
        self.learn(Surroundings(is_locked=False))
