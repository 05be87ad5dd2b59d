"""Histories that lose some events on the way, with a check of Stripe halfway and at the end."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis import strategies as st

from app.domain.stripe_events.registered import REGISTERED_TYPES
from app.usecases.stripe_reads import (
    StripeMalformedError,
    StripeRateLimitedError,
    StripeReadError,
    StripeUnavailableError,
)
from tests.support.builders import NOW_S, Document, session
from tests.support.strategies import histories
from tests.support.stripe_account import StripeAccount
from tests.support.stripe_states import READABLE, notice_of, objects_after

CHECKS: Final = 2
LOST_OF_TEN: Final = 3
NEVER_MADE_OF_TEN: Final = 5  # together with the lost ones
LATE_OF_TEN: Final = 3
APART_S: Final = 60
ENDED_S: Final = 2 * 24 * 60 * 60
BATCH_MAX: Final = 8
_OF_TEN: Final = st.integers(0, 9)
_SICKNESSES: Final = (
    StripeMalformedError("Stripe answered 400"),
    StripeUnavailableError("Stripe answered 500"),
    StripeRateLimitedError("Stripe answered 429"),
)
_BEGUN: Final = {"status": "open", "payment_status": "unpaid", "payment_intent": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lossy:
    """All events of a history, those that Stripe made, and what arrives before each check.

    `halfway` is how many of `told` have happened at the first check, which cannot read `sick`.
    """

    told: Sequence[Document]
    halfway: int
    made: Sequence[Document]
    arrivals: Sequence[Sequence[Sequence[Document]]]
    sick: Mapping[str, StripeReadError] = field(default_factory=dict)

    @property
    def session_ids(self) -> Sequence[str]:
        return sorted(_session_ids(self.told))

    def checked_at_s(self, check: int) -> int:
        """Return when a check is: after the latest event, or when every session has ended."""
        latest_s = max([NOW_S, *(int(each["created"]) for each in self.told[: self.halfway])])
        return latest_s if check == 0 else NOW_S + ENDED_S

    def stripe_at(self, check: int) -> StripeAccount:
        """Return what Stripe has at a check, and what it knows to be delivered."""
        told = self.told[: self.halfway] if check == 0 else self.told
        ids = {each["id"] for each in told}
        batches = (some for each in self.arrivals[: check + 1] for some in each)
        begun = {id_: session(id=id_, **_BEGUN) for id_ in self.session_ids}
        return StripeAccount(
            events_held=[each for each in self.made if each["id"] in ids],
            delivered={str(each["id"]) for some in batches for each in some},
            objects={**begun, **objects_after(told)},
            sick=dict(self.sick) if check == 0 else {},
            page_size=BATCH_MAX,
        )


@st.composite
def lossy(draw: st.DrawFn) -> Lossy:
    """Draw a history of which three events of ten do not arrive, all listed by Stripe."""
    told = _registered(draw(histories()))
    come = [(each, each) for each in told if draw(_OF_TEN) >= LOST_OF_TEN]
    return _arriving(draw, told, told, come)


@st.composite
def never_made(draw: st.DrawFn) -> Lossy:
    """Draw one of which Stripe could not make some events, but says so; or not about a session.

    Halfway, Stripe does not return some of the objects.

    No two are of the same second, where an object's state and its events may disagree.
    """
    told = _registered(draw(histories()))
    told = [each | {"created": NOW_S + APART_S * number} for number, each in enumerate(told)]
    silent = {id_ for id_ in sorted(_session_ids(told)) if draw(st.booleans())}
    made, come = list[Document](), list[tuple[Document, Document]]()
    for each in told:
        number, subject = draw(_OF_TEN), each["data"]["object"]
        if subject["id"] in silent:
            continue
        if subject["object"] in READABLE and LOST_OF_TEN <= number < NEVER_MADE_OF_TEN:
            come.append((each, notice_of(each)))
            continue
        made.append(each)
        if number >= LOST_OF_TEN:
            come.append((each, each))
    ids = sorted({each["data"]["object"]["id"] for each in told})
    sick = draw(st.dictionaries(st.sampled_from(ids), st.sampled_from(_SICKNESSES), max_size=4))
    return replace(_arriving(draw, told, made, come), sick=sick)


def _registered(history: Iterable[Document]) -> list[Document]:
    return [each for each in history if each["type"] in REGISTERED_TYPES]


def _session_ids(told: Iterable[Document]) -> set[str]:
    subjects = (each["data"]["object"] for each in told)
    return {str(each["id"]) for each in subjects if each["object"] == "checkout.session"}


def _arriving(
    draw: st.DrawFn,
    told: Sequence[Document],
    made: Sequence[Document],
    come: Sequence[tuple[Document, Document]],
) -> Lossy:
    """Draw when each arrives. `come` are events, and what arrives because of each."""
    halfway = draw(st.integers(0, len(told)))
    early_ids = {each["id"] for each in told[:halfway]}
    early, late = list[Document](), list[Document]()
    for because, arriving in come:
        is_early = because["id"] in early_ids and draw(_OF_TEN) >= LATE_OF_TEN
        (early if is_early else late).append(arriving)
    again = draw(st.lists(st.sampled_from([*early, *late]), max_size=3)) if come else []
    arrivals = [_batches(draw, early), _batches(draw, [*late, *again])]
    return Lossy(told=told, halfway=halfway, made=made, arrivals=arrivals)


def _batches(draw: st.DrawFn, documents: Sequence[Document]) -> Sequence[Sequence[Document]]:
    """Draw any order, in batches of any size."""
    left, batches = draw(st.permutations(documents)), list[Sequence[Document]]()
    while left:
        size = draw(st.integers(1, BATCH_MAX))
        batches.append(left[:size])
        left = left[size:]
    return batches
