"""How long a day of payments takes to agree with Stripe after some of its events were lost.

Run `python -m bench.reconciliation`. Stripe is simulated in this process and answers at once, so
the time is this service's; the calls are paced as in production, one in 200 ms, in the last column.
"""

import argparse
import asyncio
import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx
import orjson

from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.stripe_api.client import StripeAccess, StripeClient
from app.adapters.stripe_api.pace import CALLS_PER_S, Pace
from app.adapters.stripe_api.reads import StripeApi
from app.domain.stripe_events.event import EventFilter
from app.usecases.ports import say_nothing
from app.usecases.reconcile import Check, Reconcile
from app.usecases.reconciliation import ReconciliationState
from tests.support.builders import (
    ACCOUNT,
    NOW_S,
    Document,
    FixedClock,
    event,
    session,
)
from tests.support.comparing import received, recorder
from tests.support.migrated import migrated_file
from tests.support.recording import keep
from tests.support.stores import CHECKOUT

PAYMENTS: Final = 10_000
LOST: Final = 0.01
DAY_S: Final = 86_400
_BATCH: Final = 64
_UNPACED: Final = 1e9  # calls a second
_LIST: Final = {"object": "list", "has_more": False}


@dataclass(slots=True)
class LosingStripe(httpx.AsyncBaseTransport):
    """Lists the lost events, and says what was bought."""

    lost: Sequence[Document]
    calls: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one call."""
        self.calls += 1
        if request.url.path == "/v1/events":
            return self._page(request)
        price: Document = {"id": "price_A", "object": "price"}
        items = [{"id": "li_1", "object": "item", "price": price, "quantity": 1}]
        return _answer(_LIST | {"data": items})

    def _page(self, request: httpx.Request) -> httpx.Response:
        query = request.url.params
        types = query.get_list("types[]")
        found = [each for each in self.lost if each["type"] in types][::-1]
        ids = [each["id"] for each in found]
        start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
        end = ids.index(query["ending_before"]) if "ending_before" in query else len(found)
        rest = found[start:end]
        data = rest[-100:] if "ending_before" in query else rest[:100]
        page = _LIST | {"data": data, "has_more": len(data) < len(rest)}
        return _answer(page)


def _answer(document: Document) -> httpx.Response:
    return httpx.Response(200, stream=httpx.ByteStream(orjson.dumps(document)))


class CountingDatabase(SqliteDatabase):
    """Counts the rows that looks read of the database."""

    rows = 0

    async def _read(self, text: str, **values: object) -> list[Any]:
        found = await super()._read(text, **values)
        self.rows += len(found)
        return found


async def measure(path: Path, payments: int, lost: float) -> None:
    """Record a day with losses, then look until nothing is left, and print each look's cost."""
    database = CountingDatabase(path, say_nothing)
    day = [_paid(number, payments) for number in range(payments)]
    missed = set(random.Random(1).sample(range(payments), round(payments * lost)))  # noqa: S311 no secret
    await _record_day(database, day, missed)
    stripe = LosingStripe([day[number] for number in sorted(missed)])
    clock = FixedClock(ms=(NOW_S + DAY_S) * 1000)
    look, state = _reconcile(database, stripe, clock), ReconciliationState()
    print("| look | calls | paced, s | own work, s | rows read | payments recorded |")  # noqa: T201 a command's words
    print("|-----:|------:|---------:|------------:|----------:|------------------:|")  # noqa: T201 as above
    for number in range(1, payments):
        database.rows, stripe.calls, began = 0, 0, time.perf_counter()
        result = await look(Check(since_s=NOW_S - DAY_S, state=state))
        took_s, state = time.perf_counter() - began, result.state
        paced_s = stripe.calls / CALLS_PER_S
        print(  # noqa: T201 as above
            f"| {number} | {stripe.calls} | {paced_s:.1f} | {took_s:.2f} | {database.rows} "
            f"| {result.missed} |",
            flush=True,
        )
        if result.failure or not result.findings.new:
            break
    await database.close()


async def _record_day(
    database: SqliteDatabase, day: Sequence[Document], missed: Collection[int]
) -> None:
    checkouts = [
        replace(
            CHECKOUT,
            id=f"chk_{number:036}",
            session_id=f"cs_test_{number}",
            created_at_ms=(NOW_S + number * DAY_S // len(day)) * 1000,
        )
        for number in range(len(day))
    ]
    await keep(database, *checkouts)
    record = recorder(database)
    come = [received(each) for number, each in enumerate(day) if number not in missed]
    for start in range(0, len(come), _BATCH):
        await record(come[start : start + _BATCH])


def _paid(number: int, payments: int) -> Document:
    at_s = NOW_S + number * DAY_S // payments
    paid = session(id=f"cs_test_{number}", payment_intent=f"pi_{number}", created=at_s)
    return event(subject=paid, id=f"evt_{number}", created=at_s)


def _reconcile(database: SqliteDatabase, stripe: LosingStripe, clock: FixedClock) -> Reconcile:
    access = StripeAccess(url="https://stripe.example", key="rk_test_bench")
    client = StripeClient(access, transport=stripe, version="bench", pace=Pace(_UNPACED))
    return Reconcile(
        database=database,
        store=database,
        stripe=StripeApi(client),
        event_filter=EventFilter(ACCOUNT, None),
        clock=clock,
        alarm=say_nothing,
        on_change=lambda _: None,
    )


def main() -> None:
    """Measure once, on SQLite."""
    parser = argparse.ArgumentParser(prog="python -m bench.reconciliation", description=__doc__)
    parser.add_argument("--payments", type=int, default=PAYMENTS, help=f"default: {PAYMENTS:,}")
    parser.add_argument("--lost", type=float, default=LOST, help=f"a share; default: {LOST}")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "checkout.db"
        path.write_bytes(migrated_file().read_bytes())
        asyncio.run(measure(path, options.payments, options.lost))


if __name__ == "__main__":
    main()
