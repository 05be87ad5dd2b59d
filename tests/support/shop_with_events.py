"""A shop's database, and `altan-checkout events` as an operator runs it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.adapters.database.sqlite.database import SqliteDatabase
from app.commands.cli import cli
from app.databases import AnyDatabase
from tests.commands.test_cli import GOOD
from tests.support.builders import SilentAlarm, event, session
from tests.support.recording import checkout, keep, record, states
from tests.support.stripe_objects import charge, dispute

BUYER = {"email": "buyer@example.com", "name": "A Buyer"}
PAID = event(id="evt_paid", subject=session(customer_details=BUYER))
CHARGED = event("charge.succeeded", charge(billing_details=BUYER), id="evt_charged")
DISPUTED = event("charge.dispute.created", dispute(payment_intent=None), id="evt_disputed")
WAITING = event("charge.succeeded", charge(id="ch_9", payment_intent="pi_9"), id="evt_waiting")
ODD = event("charge.succeeded", charge(id=None, billing_details=BUYER), id="evt_odd")
HISTORY = (PAID, CHARGED, DISPUTED, WAITING, ODD)


@dataclass(frozen=True, slots=True)
class Shop:
    """A shop's database, and the command to inspect it."""

    database_path: Path

    def events(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["events", *arguments], env={"COLUMNS": "200"})

    def json(self, *arguments: str, status: int = 0) -> Any:  # noqa: ANN401 any JSON
        ended = self.events(*arguments, "--json")
        assert (ended.exit_code, ended.stderr) == (status, "")
        return json.loads(ended.stdout)

    def does(self, act: Callable[[AnyDatabase], Awaitable[object]]) -> Any:  # noqa: ANN401 whatever the act returns
        async def run_act() -> object:
            database = SqliteDatabase(self.database_path, SilentAlarm())
            try:
                return await act(database)
            finally:
                await database.close()

        return asyncio.run(run_act())

    @property
    def states(self) -> Any:  # noqa: ANN401 see above
        return self.does(states)


def make_shop(database_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """An empty shop."""
    monkeypatch.chdir(database_path.parent)
    for name, value in (GOOD | {"DATABASE_URL": f"sqlite:///{database_path}"}).items():
        monkeypatch.setenv(name, value)
    return Shop(database_path)


def make_busy(shop: Shop) -> Shop:
    """A shop with a disputed payment, a waiting event, and a failed one."""

    async def tell(database: AnyDatabase) -> None:
        await keep(database, checkout())
        for document in HISTORY:
            await record(database, document)

    shop.does(tell)
    return shop
