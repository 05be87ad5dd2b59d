"""Any history, in any order and batches, through two connections, leads to the same state."""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.adapters.database.sqlite.database import SqliteDatabase
from app.domain.fold.rebuild import Verdict
from app.usecases.rebuild_payments import RebuildPayments
from tests.support.builders import Document, FixedClock, SilentAlarm, event, session
from tests.support.comparing import DatabaseState, received, recorder, state_from
from tests.support.durability.linked_events import tangles
from tests.support.memory import PATIENCE_S, memory_folder
from tests.support.sizes import EXAMPLES
from tests.support.strategies import histories

BATCH_MAX: Final = 8

Batches = Sequence[tuple[int, list[Document]]]  # by which connection each is recorded

_TABLES: Final = (
    *("events", "payments", "payment_links", "event_mentions"),
    *("pending_wakes", "renewals", "renewal_ids"),
)


@dataclass(frozen=True, slots=True)
class Ledger:
    """One file, emptied between histories, and two connections that record to it."""

    runner: asyncio.Runner
    databases: Sequence[SqliteDatabase]
    eye: sqlite3.Connection
    counts: Counter[str]

    def state_after(self, batches: Batches) -> DatabaseState:
        """What is committed after these."""
        self._empty()
        self.counts["events"] += sum(len(documents) for _, documents in batches)
        self.runner.run(self._record(batches))
        return state_from(self.eye.execute)

    def payments_that_differ_when_rebuilt(self) -> list[str]:
        self.counts["examples"] += 1
        return self.runner.run(self._rebuild())

    async def _record(self, batches: Batches) -> None:
        recorders = [recorder(database) for database in self.databases]
        for which, documents in batches:
            await recorders[which]([received(document) for document in documents])

    async def _rebuild(self) -> list[str]:
        rebuild = RebuildPayments(database=self.databases[0], clock=FixedClock())
        return [each.session_id async for each in rebuild() if each.verdict is not Verdict.SAME]

    def _empty(self) -> None:
        with self.eye:
            for table in _TABLES:
                self.eye.execute(f"DELETE FROM {table}")  # noqa: S608 our own names


@pytest.fixture(scope="module")
def ledger(migrated_path: Path, figures: list[str]) -> Iterator[Ledger]:
    """In memory, where that is to be had: here orders are proven, not disks."""
    with asyncio.Runner() as runner, memory_folder() as folder:
        path = Path(shutil.copy(migrated_path, folder))
        databases = [
            SqliteDatabase(path, SilentAlarm(), act_timeout_s=PATIENCE_S) for _ in range(2)
        ]
        with closing(sqlite3.connect(path)) as eye:
            ledger = Ledger(runner, databases, eye, Counter())
            yield ledger
        for database in databases:
            runner.run(database.close())
    counts = ledger.counts
    figures.append(
        f"histories: {counts['examples']:,} random histories of payments and of tangles, "
        f"{counts['events']:,} deliveries: in order and in disorder, the same states"
    )


def in_order(history: Sequence[Document]) -> Batches:
    """All in one batch."""
    return [(0, list(history))]


def in_disorder(data: st.DataObject, history: Sequence[Document]) -> Batches:
    """Any order, some of them again, in batches of any size, by either connection."""
    again = data.draw(st.lists(st.sampled_from(history), max_size=6))
    shuffled = data.draw(st.permutations([*history, *again]))
    batches: list[tuple[int, list[Document]]] = []
    while shuffled:
        size, which = data.draw(st.integers(1, BATCH_MAX)), data.draw(st.integers(0, 1))
        batches.append((which, shuffled[:size]))
        shuffled = shuffled[size:]
    return batches


def failed(found: DatabaseState) -> list[str]:
    return [event_id for event_id, (_, state, _) in found.events.items() if state == "failed"]


@settings(max_examples=EXAMPLES, deadline=None)
@given(data=st.data(), history=histories(payments_max=3))
def test_a_history_of_several_payments_ends_in_the_same_state_in_any_order(
    ledger: Ledger, data: st.DataObject, history: list[Document]
) -> None:
    expected = ledger.state_after(in_order(history))
    disordered = ledger.state_after(in_disorder(data, history))

    assert disordered == expected
    assert disordered.events.keys() == {document["id"] for document in history}
    assert not failed(disordered)
    assert ledger.payments_that_differ_when_rebuilt() == []


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(data=st.data(), history=tangles())
def test_events_with_entangled_ids_end_in_the_same_state_in_any_order(
    ledger: Ledger, data: st.DataObject, history: list[Document]
) -> None:
    expected = ledger.state_after(in_order(history))
    disordered = ledger.state_after(in_disorder(data, history))

    assert disordered == expected
    assert disordered.events.keys() == {document["id"] for document in history}
    assert ledger.payments_that_differ_when_rebuilt() == []


def test_of_two_bodies_with_one_event_id_the_first_counts_in_a_batch_too(ledger: Ledger) -> None:
    """Two endpoints of other API versions may send one event in two shapes."""
    first, second = event(subject=session(invoice="in_1")), event(subject=session(invoice=None))

    apart = ledger.state_after([(0, [first]), (0, [second])])
    together = ledger.state_after([(0, [first, second])])

    assert together == apart
    assert ledger.payments_that_differ_when_rebuilt() == []
