"""How many stored events one fold wakes, and what it leaves for the next."""

from collections.abc import Sequence

import pytest

from app.domain.fold.fold import Fold, FoldOfWakes
from app.domain.fold.outcome import Outcome
from app.domain.fold.readings import EventReading
from app.domain.fold.records import StoredEvent, Wake
from app.domain.fold.waking import WAKES_AT_ONCE
from tests.support.builders import event
from tests.support.kept_rows import NOW_MS, KeptRows
from tests.support.readings import evidence_of_session
from tests.support.stripe_objects import refund


def waiting(count: int) -> KeptRows:
    """Rows with so many refunds that wait for their payment's session."""
    kept = KeptRows()
    kept.record(
        *(
            event("refund.created", refund(id=f"re_{n}", charge=None), id=f"evt_{n}")
            for n in range(count)
        )
    )
    return kept


def left_for_later(count: int) -> KeptRows:
    """Rows with so many refunds that wait, whose payment's session is known."""
    kept = waiting(count)
    kept.write(folded(kept, wake_max=0))
    return kept


def folded(kept: KeptRows, *, wake_max: int) -> Outcome:
    completed = EventReading("evt_completed", evidence_of_session())
    return kept.inform(Fold([completed], wake_max=wake_max)).outcome(NOW_MS)


def continued(kept: KeptRows, *, wake_max: int) -> tuple[FoldOfWakes, Outcome]:
    fold = kept.inform(FoldOfWakes(wake_max=wake_max))
    outcome = fold.outcome(NOW_MS)
    kept.write(outcome)
    return fold, outcome


@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_fold_wakes_all_that_wait_if_there_is_room_and_leaves_all_otherwise(room: int) -> None:
    fits, is_one_too_many = (folded(waiting(n), wake_max=room) for n in (room, room + 1))

    assert (fits.woken_ids, fits.wakes) == ([f"evt_{n}" for n in range(room)], [])
    assert (is_one_too_many.woken_ids, is_one_too_many.wakes) == ([], [Wake("pi_1")])


def test_a_fold_asks_for_one_more_than_it_may_wake_to_see_whether_all_fit() -> None:
    kept = waiting(1)
    kept.asked.clear()

    folded(kept, wake_max=7)

    assert [(wanted.mentioning, wanted.limit) for wanted in kept.asked if wanted.mentioning] == [
        ({"pi_1"}, 8)
    ]


def test_a_fold_without_room_asks_for_no_stored_event() -> None:
    kept = waiting(1)
    kept.asked.clear()

    assert folded(kept, wake_max=0).wakes == [Wake("pi_1")]
    assert [wanted.mentioning for wanted in kept.asked] == [()]


def test_what_is_left_is_woken_in_order_a_page_at_a_time() -> None:
    kept = left_for_later(5)

    passes = [continued(kept, wake_max=2)[1] for _ in range(3)]

    assert [(each.woken_ids, each.wakes, each.awake) for each in passes] == [
        (["evt_0", "evt_1"], [Wake("pi_1", "evt_1")], []),
        (["evt_2", "evt_3"], [Wake("pi_1", "evt_3")], []),
        (["evt_4"], [], ["pi_1"]),
    ]


def test_a_page_that_is_just_full_may_not_be_the_last() -> None:
    kept = left_for_later(2)

    passes = [continued(kept, wake_max=2)[1] for _ in range(2)]

    assert [(each.wakes, each.awake) for each in passes] == [
        ([Wake("pi_1", "evt_1")], []),
        ([], ["pi_1"]),
    ]


def test_it_says_how_far_it_has_read() -> None:
    kept = left_for_later(5)

    first, _ = continued(kept, wake_max=3)
    second, _ = continued(kept, wake_max=3)

    assert (first.waking.tried, first.waking.read) == (Wake("pi_1", "evt_2"), 3)
    assert (second.waking.tried, second.waking.read) == (Wake("pi_1", "evt_4"), 2)


def test_a_page_that_another_transaction_holds_is_tried_again_later_and_nothing_else_now() -> None:
    kept = left_for_later(3)
    kept.wakes |= wakes_of(["pi_2"])
    kept.contended = frozenset({"pi_1"})

    fold, outcome = continued(kept, wake_max=2)

    assert fold.waking.tried == Wake("pi_1", "evt_1")
    assert (fold.waking.read, outcome.wakes, outcome.awake) == (0, [], [])
    assert kept.wakes == wakes_of(["pi_1", "pi_2"])


def wakes_of(object_ids: Sequence[str]) -> dict[str, Wake]:
    return {id_: Wake(id_) for id_ in object_ids}


def test_several_wakes_share_the_room() -> None:
    kept = left_for_later(2)
    kept.wakes = wakes_of(["pi_0", "pi_1", "pi_2"])

    fold, outcome = continued(kept, wake_max=3)
    assert set(outcome.awake) == {"pi_0", "pi_1", "pi_2"}
    assert fold.waking.read == 2

    kept = left_for_later(2)
    kept.wakes = wakes_of(["pi_0", "pi_1", "pi_2"])

    _, outcome = continued(kept, wake_max=2)
    assert (outcome.awake, outcome.wakes) == (["pi_0"], [Wake("pi_1", "evt_1")])


def test_a_fold_takes_a_few_wakes_at_once_and_only_those_that_it_locked_are_continued() -> None:
    kept = KeptRows()
    kept.wakes = wakes_of([f"pi_{n:03}" for n in range(WAKES_AT_ONCE + 1)])
    fold = FoldOfWakes(["pi_contended"])
    wanted = fold.wanted()
    assert wanted is not None
    fold.learn(kept.look_around(wanted))
    asked = fold.wanted()
    assert asked is not None
    assert set(asked.ids) == {*(f"pi_{n:03}" for n in range(WAKES_AT_ONCE)), "pi_contended"}

    del kept.wakes["pi_000"]  # another transaction was faster
    outcome = kept.inform(fold).outcome(NOW_MS)

    assert set(outcome.awake) == {f"pi_{n:03}" for n in range(1, WAKES_AT_ONCE)}
    assert not fold.is_idle


def test_events_whose_payload_was_deleted_are_read_but_not_woken() -> None:
    kept = left_for_later(2)
    kept.events["evt_0"] = StoredEvent(id="evt_0", state=kept.events["evt_0"].state, event=None)

    fold, outcome = continued(kept, wake_max=3)

    assert (outcome.woken_ids, outcome.awake, fold.waking.read) == (["evt_1"], ["pi_1"], 2)
