import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from app.domain.errors import RowsRefusedError, StorageUnavailableError
from app.usecases.inbox import WORTH_A_LANE, Inbox
from tests.support.builders import DEADLINE_S

POISON = "poison"


class Disk:
    """Records batches; each commit waits for `open`, and reaching it is told through `reached`."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.down: Exception | None = None
        self._reached = asyncio.Condition()

    async def record(self, batch: Sequence[str]) -> list[str]:
        async with self._reached:
            self.batches.append(list(batch))
            self._reached.notify_all()
        await self.open.wait()
        if self.down is not None:
            raise self.down
        if POISON in batch:
            raise RowsRefusedError("refused")
        return [f"{item} is on disk" for item in batch]

    async def reached(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE_S), self._reached:
            await self._reached.wait_for(lambda: len(self.batches) >= count)


@pytest.fixture
async def disk() -> Disk:
    return Disk()


@asynccontextmanager
async def commit_under_way(
    disk: Disk, inbox: Inbox[str, str], *waiting: str
) -> AsyncIterator[list["asyncio.Task[str]"]]:
    """Within it, `first` is being committed, and `waiting` have been put in after it, in order."""
    disk.open.clear()
    tasks = [asyncio.create_task(inbox.put("first"))]
    await disk.reached(1)
    tasks += [asyncio.create_task(inbox.put(item)) for item in waiting]
    await asyncio.sleep(0)  # one turn of the loop: each has run until it waits
    yield tasks
    disk.open.set()
    async with asyncio.timeout(DEADLINE_S):
        await asyncio.gather(*tasks, return_exceptions=True)  # some tests let them fail


async def test_one_goes_alone_and_at_once(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    answer = await inbox.put("a")

    assert answer == "a is on disk"
    assert disk.batches == [["a"]]


async def test_one_after_the_other_go_alone(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    answers = [await inbox.put("a"), await inbox.put("b")]

    assert answers == ["a is on disk", "b is on disk"]
    assert disk.batches == [["a"], ["b"]]


async def test_those_who_come_together_go_together(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    answers = await asyncio.gather(inbox.put("a"), inbox.put("b"))

    assert list(answers) == ["a is on disk", "b is on disk"]
    assert disk.batches == [["a", "b"]]


async def test_nobody_is_answered_before_the_commit(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a") as tasks:
        await asyncio.sleep(0)  # another turn: who does not wait would go now
        assert not any(task.done() for task in tasks)
        assert disk.batches == [["first"]]

    assert all(task.done() for task in tasks)


async def test_what_arrives_during_a_commit_becomes_one_batch(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a", "b", "c") as tasks:
        pass

    assert disk.batches == [["first"], ["a", "b", "c"]]
    assert [task.result() for task in tasks] == [
        "first is on disk",
        "a is on disk",
        "b is on disk",
        "c is on disk",
    ]


async def test_a_second_lane_takes_a_batch_that_is_worth_it_at_once(disk: Disk) -> None:
    inbox = Inbox(disk.record, lanes=2)
    many = [str(number) for number in range(WORTH_A_LANE)]

    async with commit_under_way(disk, inbox, *many, "more", "and more") as tasks:
        await disk.reached(2)
        assert disk.batches == [["first"], [*many, "more", "and more"]]

    assert [task.result() for task in tasks[1:3]] == ["0 is on disk", "1 is on disk"]


async def test_few_wait_for_the_first_lane(disk: Disk) -> None:
    inbox = Inbox(disk.record, lanes=2)
    few = [str(number) for number in range(WORTH_A_LANE - 1)]

    async with commit_under_way(disk, inbox, *few):
        await asyncio.sleep(0)  # another turn: a batch would leave now
        assert disk.batches == [["first"]]

    assert disk.batches == [["first"], few]


async def test_there_are_no_more_lanes_than_allowed(disk: Disk) -> None:
    inbox = Inbox(disk.record, lanes=2)
    many = [str(number) for number in range(WORTH_A_LANE)]

    async with commit_under_way(disk, inbox, *many) as tasks:
        await disk.reached(2)
        tasks += [asyncio.create_task(inbox.put(item)) for item in many]
        for _ in range(3):
            await asyncio.sleep(0)  # another turn: a batch would leave now
        assert len(disk.batches) == 2

    assert [len(batch) for batch in disk.batches] == [1, len(many), len(many)]


async def test_who_comes_just_as_a_lane_ends_is_not_forgotten(disk: Disk) -> None:
    inbox = Inbox(disk.record)
    answers: list[str] = []

    async def one_after_the_other() -> None:
        answers.extend([await inbox.put(str(number)) for number in range(50)])

    await asyncio.wait_for(one_after_the_other(), DEADLINE_S)

    assert len(answers) == 50


async def test_a_batch_has_a_greatest_size(disk: Disk) -> None:
    inbox = Inbox(disk.record, batch_max=2)

    async with commit_under_way(disk, inbox, "a", "b", "c") as tasks:
        pass

    assert disk.batches == [["first"], ["a", "b"], ["c"]]
    assert [task.result()[0] for task in tasks] == ["f", "a", "b", "c"]


async def test_what_cannot_be_recorded_does_not_cost_its_neighbours(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a", POISON, "b") as tasks:
        pass

    assert disk.batches == [["first"], ["a", POISON, "b"], ["a"], [POISON], ["b"]]
    assert [task.result() for task in (tasks[1], tasks[3])] == ["a is on disk", "b is on disk"]
    assert isinstance(tasks[2].exception(), RowsRefusedError)


async def test_what_cannot_be_recorded_alone_is_asked_once(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    with pytest.raises(RowsRefusedError):
        await inbox.put(POISON)

    assert disk.batches == [[POISON]]


async def test_a_disk_that_is_down_is_asked_once_for_a_batch(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a", "b", "c") as tasks:
        disk.down = StorageUnavailableError("down")

    assert disk.batches == [["first"], ["a", "b", "c"]]
    assert all(task.exception() is disk.down for task in tasks)


async def test_a_bug_fails_every_waiting_item(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a") as tasks:
        disk.down = ZeroDivisionError("a defect of ours")

    assert all(task.exception() is disk.down for task in tasks)


async def test_after_a_failure_the_next_is_recorded(disk: Disk) -> None:
    inbox = Inbox(disk.record)
    disk.down = StorageUnavailableError("down")
    with pytest.raises(StorageUnavailableError):
        await inbox.put("a")
    disk.down = None

    answer = await inbox.put("a")

    assert answer == "a is on disk"


async def test_too_many_who_wait_are_sent_away_and_the_others_served(disk: Disk) -> None:
    inbox = Inbox(disk.record, waiting_max=2)

    async with commit_under_way(disk, inbox, "a", "b") as tasks:
        with pytest.raises(StorageUnavailableError, match="Too many"):
            await inbox.put("c")

    assert disk.batches == [["first"], ["a", "b"]]
    assert [task.result()[0] for task in tasks] == ["f", "a", "b"]


async def test_who_was_sent_away_is_served_once_there_is_room(disk: Disk) -> None:
    inbox = Inbox(disk.record, waiting_max=1)
    async with commit_under_way(disk, inbox, "a"):
        with pytest.raises(StorageUnavailableError):
            await inbox.put("b")

    answer = await inbox.put("b")

    assert answer == "b is on disk"


async def test_nobody_waits_longer_than_stripe_does(disk: Disk) -> None:
    inbox = Inbox(disk.record, wait_s=0.01)

    async with commit_under_way(disk, inbox, "a"):
        with pytest.raises(StorageUnavailableError, match="too slow"):
            await inbox.put("b")

    assert disk.batches == [["first"], ["a", "b"]]


async def test_who_gave_up_does_not_disturb_the_others(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a", "b") as tasks:
        tasks[1].cancel()

    assert tasks[1].cancelled()
    assert tasks[0].result() == "first is on disk"
    assert tasks[2].result() == "b is on disk"


async def test_who_gave_up_during_the_commit_does_not_stop_it(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a") as tasks:
        tasks[0].cancel()

    assert tasks[0].cancelled()
    assert tasks[1].result() == "a is on disk"
    assert disk.batches == [["first"], ["a"]]


async def test_a_sender_that_gave_up_gets_no_failure(disk: Disk) -> None:
    inbox = Inbox(disk.record)

    async with commit_under_way(disk, inbox, "a") as tasks:
        tasks[0].cancel()
        disk.down = StorageUnavailableError("down")

    assert tasks[0].cancelled()
    assert tasks[1].exception() is disk.down
