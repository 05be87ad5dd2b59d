"""Real bodies and variants, shuffled, repeated, 16 at a time, always lead to the same state."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.builders import Document, Service
from tests.support.comparing import DatabaseState, expected_state, state_of
from tests.support.durability.sending import SENDERS, deliver_all, integrity, new_folder
from tests.support.processes import running_process
from tests.support.sizes import SHUFFLES, chance_of, new_seed
from tests.support.variants import bodies, originals, payment

PAYMENTS: Final = 20
AGAIN: Final = 0.3  # of all events come a second time
PROCESSES: Final = 2
SHARED_SHUFFLES: Final = (SHUFFLES + 1) // 2
TRIES_MAX: Final = 10


@dataclass(frozen=True, slots=True)
class Told:
    """A history out of order, and the state after recording it in order."""

    events: list[Document]
    expected: DatabaseState


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells another history for each number, in a folder of its own."""

    folder: Path
    empty: Path
    seed: str

    def new_folder(self, name: str) -> Path:
        return new_folder(self.folder, name, self.empty)

    async def tell(self, name: str) -> Told:
        """The real bodies as they are, and payments made of them; some of all come twice."""
        chance = chance_of(self.seed, name)
        history = originals("real")
        for number in range(PAYMENTS):
            history += payment(chance, f"p{number}")
        expected = await expected_state(
            self.new_folder(f"{name}-expected") / "checkout.db", history
        )
        events = [*history, *chance.sample(history, int(len(history) * AGAIN))]
        chance.shuffle(events)
        return Told(events, expected)


@pytest.fixture
def teller(tmp_path: Path, migrated_path: Path) -> Teller:
    seed = new_seed()
    print(f"PROOF_SEED={seed}")  # noqa: T201 pytest shows it where the test fails
    return Teller(tmp_path, migrated_path, seed)


def statuses_of(answers: Sequence[tuple[Document, httpx.Response]]) -> Counter[int]:
    return Counter(answer.status_code for _, answer in answers)


async def shown_statuses(service: Service, found: DatabaseState) -> dict[str, object]:
    """What buyers are shown of each payment."""
    answers = {
        session_id: await service.client.get(f"/checkout/{session_id}")
        for session_id in sorted(found.payments)
    }
    assert {answer.status_code for answer in answers.values()} == {httpx.codes.OK}
    return {session_id: answer.json()["status"] for session_id, answer in answers.items()}


async def send_until_taken(
    events: list[Document], services: Sequence[Service], refused: Counter[int]
) -> None:
    """To either, and again as Stripe does where one process was kept from the lock too long."""
    for _ in range(TRIES_MAX):
        answers = await deliver_all(events, *services)
        events = [document for document, answer in answers if answer.status_code != httpx.codes.OK]
        if not events:
            return
        refused += statuses_of(answers)
    raise AssertionError(f"{len(events)} events were refused {TRIES_MAX} times: {refused}")


async def test_real_bodies_from_stripe_are_accepted_in_any_order(teller: Teller) -> None:
    """Some of them share an event id, as they came from different accounts: the first counts."""
    told = [body for body in bodies().values() for _ in range(3)]
    chance_of(teller.seed, "originals").shuffle(told)

    async with running_process(teller.new_folder("originals")) as process:
        answers = await deliver_all(told, process.service)

    assert statuses_of(answers) == {200: len(told)}
    assert state_of(process.service.database_path).events.keys() == {body["id"] for body in told}


async def test_shuffled_and_repeated_events_always_end_in_the_same_states(
    teller: Teller, figures: list[str]
) -> None:
    sent = 0

    for number in range(SHUFFLES):
        told = await teller.tell(f"shuffle-{number}")
        async with running_process(teller.new_folder(f"{number}")) as process:
            answers = await deliver_all(told.events, process.service)
            found = state_of(process.service.database_path)
            shown = await shown_statuses(process.service, found)
        sent += len(answers)
        assert statuses_of(answers) == {200: len(told.events)}
        assert found == told.expected
        assert shown == told.expected.statuses

    figures.append(
        f"disorder: {SHUFFLES} shuffles to one process, {sent:,} webhooks, {SENDERS} at a time, "
        f"all answered 200: the same states as in order (PROOF_SEED={teller.seed})"
    )


async def test_a_history_that_two_processes_share_ends_in_the_same_states(
    teller: Teller, figures: list[str]
) -> None:
    refused, sent = Counter[int](), 0

    for number in range(SHARED_SHUFFLES):
        told = await teller.tell(f"shared-{number}")
        folder = teller.new_folder(f"shared-{number}")
        async with running_process(folder) as one, running_process(folder) as other:
            services = (one.service, other.service)
            await send_until_taken(told.events, services, refused)
            found = state_of(folder / "checkout.db")
            shown = [await shown_statuses(service, found) for service in services]
        sent += len(told.events)
        assert found == told.expected
        assert shown == [told.expected.statuses] * PROCESSES
        assert integrity(folder / "checkout.db") == "ok"

    assert refused.keys() <= {200, 503}
    figures.append(
        f"disorder: {SHARED_SHUFFLES} shuffles to two processes on one file, {sent:,} webhooks, "
        f"{refused[503]} refused with 503 and sent again: the same states as in order"
    )
