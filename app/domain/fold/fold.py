"""The fold: finds the payments of a batch of evidence, and joins its facts to theirs.

Neither the payments that events reach (see `reach`) nor the joined facts depend on the order of
events. Everything is decided from values: the fold queries what it needs step by step, and nothing
is written before everything is known.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar

from app.domain.fold.asking import Inquiry, Memory, Steps, Wanted
from app.domain.fold.joining import Joining
from app.domain.fold.outcome import Outcome
from app.domain.fold.reach import Reach
from app.domain.fold.readings import (
    EventEvidence,
    EventReading,
    evidence_of,
    mentioned_ids,
    named_checkouts,
    read_for_fold,
)
from app.domain.fold.records import EventState, Settled
from app.domain.fold.waking import WAKE_MAX, WAKES_AT_ONCE, Waking


class Fold(Inquiry):
    """Folds new events, each id once, without those that are stored already.

    Wakes at most `wake_max` stored events.
    """

    are_kept: ClassVar[bool] = False

    def __init__(
        self, readings: Collection[EventReading] = (), *, wake_max: int = WAKE_MAX
    ) -> None:
        self.waking = Waking(wake_max)
        self._readings = readings
        memory = Memory()
        self._reach = Reach(memory, self.waking)
        self._joining = Joining(memory, self._reach)
        self._states: Mapping[str, EventState] = {}  # of the events that are folded again
        super().__init__(memory, self._fold())

    def outcome(self, now_ms: int) -> Outcome:
        """Return everything to write and report, when nothing more is wanted."""
        joining = self._joining
        woken_ids, broken = self._woken()
        settled = {each.event_id: each for each in (*broken, *joining.broken, *joining.settled)}
        ended = {
            reading.event_id: reading.settled(
                is_reached=reading.event_id in joining.reached_ids,
                failure=joining.failures.get(reading.event_id),
            )
            for reading in self._readings
        }
        if self.are_kept:
            settled = ended | settled
        else:
            ended = {id_: each for id_, each in ended.items() if id_ not in settled}
        outcome = Outcome(
            renewals=joining.renewals,
            links=list(self._reach.new_links),
            mentions=[mention for reading in self._readings for mention in reading.mentions],
            woken_ids=[id_ for id_ in woken_ids if id_ not in settled],
            settled=list(settled.values()),
            wakes=list(self.waking.left.values()),
            awake=list(self.waking.done),
            ended=ended,
            broken=[*joining.broken, *broken],
        )
        outcome.add_payments(
            joining.changed, self._memory, now_ms, refunded_minor=joining.refunded_minor
        )
        outcome.add_notifications(joining.new_notices, self._memory, now_ms)
        if changed := self._changed_events(outcome):
            unchanged = joining.reached - joining.changed.keys()
            outcome.add_silent(unchanged, self._memory, now_ms, cause=" ".join(min(changed)))
        return outcome

    def _changed_events(self, outcome: Outcome) -> list[tuple[str, EventState]]:
        """Return events that are new or end in another state, which may change an order's flags."""
        ended = [*outcome.ended.values(), *outcome.settled]
        return [
            *((each.event_id, each.state) for each in ended if self._is_changed(each)),
            *((id_, EventState.FOLDED) for id_ in outcome.woken_ids),
        ]

    def _is_changed(self, ended: Settled) -> bool:
        return self._states.get(ended.event_id) is not ended.state

    def _fold(self) -> Steps[None]:
        items = yield from self._begin()
        if items or self.waking.stored:
            yield from self._reach.spread(items)
            yield from self._joining.join()

    def _begin(self) -> Steps[Sequence[EventEvidence]]:
        """Return the evidence that is folded, around which everything is known."""
        if not self._readings:
            return []
        items = evidence_of(self._readings)
        ids = mentioned_ids(items)
        known = (
            yield Wanted(
                ids=ids,
                known=[reading.event_id for reading in self._readings],
                around=ids,
                checkout_ids=named_checkouts(items),
            )
        ).known_events
        if known:
            self._readings = [each for each in self._readings if each.event_id not in known]
            items = evidence_of(self._readings)
        return items

    def _woken(self) -> tuple[list[str], list[Settled]]:
        """Return the events that no longer wait, and waiting ones that cannot be folded."""
        joining, woken = self._joining, self._reach.woken
        if not woken:
            return [], []
        waited = [
            event_id
            for event_id in sorted(woken.keys() & joining.reached_ids)
            if woken[event_id] is EventState.WAITING
        ]
        broken = [
            Settled(event_id=id_, state=EventState.FAILED, reason=joining.failures[id_])
            for id_ in waited
            if id_ in joining.failures
        ]
        return [id_ for id_ in waited if id_ not in joining.failures], broken


class FoldAgain(Fold):
    """Folds stored events again, by id; joining them a second time changes nothing."""

    are_kept = True

    def __init__(self, event_ids: Collection[str], *, wake_max: int = WAKE_MAX) -> None:
        self._event_ids = event_ids
        super().__init__(wake_max=wake_max)

    def _begin(self) -> Steps[Sequence[EventEvidence]]:
        stored = (yield Wanted(events=self._event_ids)).events
        self._states = {each.id: each.state for each in stored}
        self._readings = [read_for_fold(each.event) for each in stored if each.event]
        items = evidence_of(self._readings)
        if ids := mentioned_ids(items):
            yield Wanted(ids=ids, around=ids, checkout_ids=named_checkouts(items))
        return items


class FoldOfWakes(Fold):
    """Folds events that earlier transactions left to be woken.

    `contended` are ids to lock first. `is_idle`: nothing was left.
    """

    def __init__(self, contended: Collection[str] = (), *, wake_max: int = WAKE_MAX) -> None:
        self.is_idle = False
        self._contended = contended
        super().__init__(wake_max=wake_max)

    def _begin(self) -> Steps[Sequence[EventEvidence]]:
        seen = {wake.object_id for wake in (yield Wanted(wakes_max=WAKES_AT_ONCE)).wakes}
        self.is_idle = not seen
        if seen:
            wanted = Wanted(ids={*seen, *self._contended}, wakes_max=WAKES_AT_ONCE)
            now = (yield wanted).wakes  # in their current state, now that nobody else changes them
            self.waking.stored = [wake for wake in now if wake.object_id in seen]
        return []
