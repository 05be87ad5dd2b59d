"""The contenders: how each is started, what it is sent, and which rows it must have written."""

import json
import sqlite3
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from bench import requests
from bench.machine import Cores
from bench.postgres import Database
from bench.processes import Running, python_module, run_once, running

SERVICE: Final = "the service"
ON_SQLITE: Final = "the service on SQLite"
TUTORIAL: Final = "Stripe's tutorial"
UPSTREAM: Final = "upstream itself"
DATABASE: Final = "checkout.db"
LIVE_PATH: Final = "/health/live"
_DOCS_PATH: Final = "/docs"  # FastAPI's own page shows that a server is up


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One server under test. `table` must have a row for each accepted request.

    The table is in `database`, or in a separate SQLite file. `prepare` runs once before the start.
    """

    name: str
    command: Sequence[str]
    first_path: str
    requests: Callable[[int], list[bytes]]
    table: str | None = None
    database: Database | None = None
    prepare: Sequence[str] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A running contender."""

    contender: Contender
    process: Running
    folder: Path

    def rows(self) -> int | None:
        """Return how many rows are on disk; None if the contender stores none."""
        if self.contender.table is None:
            return None
        if self.contender.database:
            return self.contender.database.rows(self.contender.table)
        address = f"file:{self.folder / DATABASE}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            sql = f"SELECT count(*) FROM {self.contender.table}"  # noqa: S608 our own table names
            return int(connection.execute(sql).fetchone()[0])


def webhook_contenders() -> list[Contender]:
    """Return the service, the service without database, FastAPI alone, and Stripe's tutorial."""
    send = requests.webhooks
    return [
        service(send, "events"),
        Contender(
            name="without database",
            command=python_module("bench.without_database"),
            first_path=LIVE_PATH,
            requests=send,
        ),
        _rival("bare FastAPI", "bare", send),
        _rival(TUTORIAL, "tutorial", send),
    ]


def checkout_contenders() -> list[Contender]:
    """Return the service, and a handler with a stock httpx client."""
    return [
        service(requests.carts, "checkouts"),
        _rival("FastAPI + stock httpx", "relay", requests.carts),
    ]


def service(send: Callable[[int], list[bytes]], table: str) -> Contender:
    """Return the service, started as an operator would."""
    command = Path(sysconfig.get_path("scripts")) / "altan-checkout"
    return Contender(
        name=SERVICE,
        command=[str(command), "serve"],
        first_path=LIVE_PATH,
        requests=send,
        table=table,
    )


def service_on(database: Database) -> Contender:
    """Return the same with its schema created beforehand."""
    on_sqlite = service(requests.webhooks, "events")
    migrate = [on_sqlite.command[0], "migrate"]
    return replace(on_sqlite, database=database, prepare=migrate)


def rivals_of_postgres() -> list[Contender]:
    """Return the service on SQLite and without database, and Stripe's tutorial."""
    on_sqlite, without, _, tutorial = webhook_contenders()
    return [replace(on_sqlite, name=ON_SQLITE), without, tutorial]


def upstream(delay_ms: float) -> Contender:
    """Return the fake Altan Pay, called by the load generator directly: the upper limit."""
    return Contender(
        name=UPSTREAM,
        command=python_module("bench.upstream", "--delay-ms", str(delay_ms)),
        first_path="/",
        requests=requests.orders,
    )


class Stage:
    """Starts contenders, each in a separate folder under `folder`, on the right core."""

    def __init__(self, folder: Path, cores: Cores) -> None:
        self._folder = folder
        self._cores = cores
        self._is_shared = False

    @property
    def cores(self) -> int:
        """Return how many cores this process may use."""
        return self._cores.count

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let processes started inside, and the load, run on any core."""
        self._is_shared = True
        try:
            with self._cores.for_all():
                yield
        finally:
            self._is_shared = False

    @contextmanager
    def upstream(self, delay_ms: float) -> Iterator[Started]:
        """The fake Altan Pay, on the load generator's core."""
        with self.beside_load(upstream(delay_ms)) as started:
            yield started

    @contextmanager
    def beside_load(self, contender: Contender) -> Iterator[Started]:
        """Run a server that the server under test calls."""
        folder = self.new_folder()
        with running(
            contender.command,
            env={},
            core=nullcontext() if self._is_shared else self._cores.for_load(),
            log=folder / "log",
            first_path=contender.first_path,
        ) as process:
            yield Started(contender=contender, process=process, folder=folder)

    @contextmanager
    def server(
        self, contender: Contender, *, upstream_port: int, folder: Path | None = None
    ) -> Iterator[Started]:
        """Run a contender on the server's core; `folder` may contain an earlier one's database."""
        folder = folder or self.new_folder()
        env = {**_settings(folder, upstream_port), **contender.env}
        if contender.database:
            env["DATABASE_URL"] = contender.database.url
        if contender.prepare:
            run_once(contender.prepare, env=env)
        with running(
            contender.command,
            env=env,
            core=nullcontext() if self._is_shared else self._cores.for_server(),
            log=folder / "log",
            first_path=contender.first_path,
        ) as process:
            yield Started(contender=contender, process=process, folder=folder)

    def in_place_of_the_server(self, module: str, *arguments: str) -> dict[str, Any]:
        """Run one of our modules on the server's core; return the JSON that it printed."""
        with self._cores.for_server():
            seen: dict[str, Any] = json.loads(run_once(python_module(module, *arguments), env={}))
        return seen

    def new_folder(self) -> Path:
        """Return an empty folder."""
        return Path(mkdtemp(dir=self._folder))


def _settings(folder: Path, upstream_port: int) -> Mapping[str, str]:
    return {
        "ALTAN_ACCOUNT_ID": "bench",
        "ALTAN_STRIPE_CONNECT_ID": "acct_bench",
        "ALTAN_PAY_URL": f"http://127.0.0.1:{upstream_port}",
        "APP_URL": "https://shop.example/",
        "DATABASE_URL": f"sqlite:///{folder / DATABASE}",
        "RATE_LIMIT_CHECKOUT": "off",
        "STRIPE_WEBHOOK_SECRETS": requests.SECRET,
    }


def _rival(name: str, module_name: str, send: Callable[[int], list[bytes]]) -> Contender:
    return Contender(
        name=name,
        command=python_module("bench.rivals", module_name),
        first_path=_DOCS_PATH,
        requests=send,
    )
