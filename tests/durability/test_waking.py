"""Events that wait for a session are woken: over sockets, unusual ones, and across a kill."""

from pathlib import Path
from typing import Final

import pytest

from app.domain.money import AMOUNT_MAX
from tests.support.builders import SESSION_ID, Document, event, query, until
from tests.support.durability.waiting import count_waiting, put_to_wait
from tests.support.processes import ServiceProcess, running_process
from tests.support.stripe_objects import charge, listing, refund

WAITING: Final = 5_000
PAID = event(id="evt_paid")


@pytest.fixture(params=["sqlite", "postgres"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environment(database_path: Path) -> dict[str, str]:
    if database_path.suffix == ".url":
        return {"DATABASE_URL": database_path.read_text()}
    return {}


def refunded(number: int, amount: int = 1) -> Document:
    part = refund(id=f"re_{number}", amount=amount, charge=None)
    return event("refund.created", part, id=f"evt_{number:05}")


async def status(process: ServiceProcess) -> Document:
    answer = await process.service.client.get(f"/checkout/{SESSION_ID}")
    assert answer.status_code == 200
    document: Document = answer.json()
    return document


async def test_a_kill_in_the_midst_of_waking_leaves_none_asleep(
    tmp_path: Path, database_path: Path, environment: dict[str, str]
) -> None:
    put_to_wait(database_path, "pi_1", [refunded(number) for number in range(WAITING)])
    async with running_process(tmp_path, **environment) as process:
        answer = await process.service.deliver(PAID)
        process.process.kill()
        await process.process.wait()
    assert answer.status_code == 200
    assert 0 < count_waiting(database_path) < WAITING

    async with running_process(tmp_path, **environment) as process:
        await until(lambda: count_waiting(database_path) == 0)
        again = await process.service.deliver(PAID)

        assert again.json()["outcome"] == "duplicate"
        assert (await status(process))["amount_refunded"] == WAITING


async def test_amounts_that_no_number_holds_cost_their_session_nothing(
    tmp_path: Path, database_path: Path, environment: dict[str, str]
) -> None:
    odd = [refunded(number, AMOUNT_MAX) for number in range(1_100)]
    put_to_wait(database_path, "pi_1", odd)
    async with running_process(tmp_path, **environment) as process:
        answer = await process.service.deliver(PAID)
        await until(lambda: count_waiting(database_path) == 0)

        assert (answer.status_code, answer.json()["outcome"]) == (200, "recorded")
        found = await status(process)
        assert (found["status"], found["amount_refunded"]) == ("refunded", AMOUNT_MAX)


async def test_an_event_of_twenty_thousand_ids_gets_in_and_costs_its_neighbours_nothing(
    tmp_path: Path, database_path: Path, environment: dict[str, str]
) -> None:
    many = listing(
        *(refund(id=f"re_{number}", amount=1, charge=f"ch_{number}") for number in range(100))
    )
    charges = listing(*({"id": f"ch_{number}"} for number in range(20_000)))
    huge = event("payment_intent.succeeded", {"id": "pi_1", "charges": charges}, id="evt_huge")
    refunds = event("charge.refunded", charge(amount_refunded=100, refunds=many), id="evt_many")
    async with running_process(tmp_path, **environment) as process:
        answers = [await process.service.deliver(each) for each in (huge, refunds, PAID)]

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert (await status(process))["amount_refunded"] == 100
    (row,) = query(database_path, "SELECT reason FROM events WHERE state = 'failed'")
    assert "lists more than 100 objects" in row["reason"]
