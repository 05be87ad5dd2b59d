"""PostgreSQL for contenders that use it: on the load's core, with fsync and default settings."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from bench import requests
from bench.load import Sample
from bench.machine import cpu_seconds
from bench.processes import StartError
from tests.support.postgres_server import PostgresServer, fetch, new_server, run_apart

_SETTINGS: Final = {
    "fsync": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
}
_PGBENCH_TABLE: Final = "CREATE TABLE IF NOT EXISTS inserted (id bigint PRIMARY KEY, payload text)"
_PGBENCH_SCRIPT: Final = (
    "\\set id random(1, 1000000000000000)\n"
    "INSERT INTO inserted VALUES (:id, :payload) ON CONFLICT DO NOTHING;\n"
)


@dataclass(frozen=True, slots=True)
class Database:
    """One contender's database, on a shared server."""

    server: PostgresServer
    name: str

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.server.url(self.name)

    @property
    def cpu_s(self) -> float | None:
        """Return the CPU seconds that the server has used so far, in total."""
        assert self.server.process  # noqa: S101 started, and not yet stopped
        return cpu_seconds(self.server.process.pid)

    def rows(self, table: str) -> int:
        """Return the number of rows in a table."""
        sql = f"SELECT count(*) AS rows FROM {table}"  # noqa: S608 our own table names
        return int(run_apart(fetch(self.url, sql))[0]["rows"])


class Postgres:
    """A server, and its databases."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server

    def database(self, name: str) -> Database:
        """Create a database."""
        self._server.execute(f"CREATE DATABASE {name}")
        return Database(self._server, name)

    def insert(self, database: Database, seconds: float, folder: Path) -> Sample:
        """Measure `pgbench` inserting such events as text on one connection.

        Raises:
            StartError: pgbench is not installed.
        """
        program = self._server.bin / "pgbench"
        if not program.exists():
            raise StartError("pgbench is not in the folder of the server's programs")
        run_apart(fetch(database.url, _PGBENCH_TABLE))
        script = folder / "insert.sql"
        script.write_text(_PGBENCH_SCRIPT)
        payload = requests.template("event.json").decode()
        command = [str(program), "--no-vacuum", "--protocol=prepared", f"--file={script}"]
        command += [f"--define=payload={payload}", f"--time={max(1, round(seconds))}"]
        command += ["--log", f"--log-prefix={folder / 'pgbench'}", database.url]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 as above
        (log,) = folder.glob("pgbench.*")
        took_ms = sorted(int(line.split()[2]) / 1000 for line in log.read_text().splitlines())
        log.unlink()
        return Sample(
            requests_per_s=1000 * len(took_ms) / sum(took_ms),
            p50_ms=median(took_ms),
            p99_ms=took_ms[int((len(took_ms) - 1) * 0.99)],
            statuses={200: len(took_ms)},
            lost=0,
            generator_share=0.0,
        )


@contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Run a server whose data is in `folder`, on the caller's core.

    Raises:
        StartError: PostgreSQL is not installed, or does not start.
    """
    for closed in (folder, folder.parent):  # to root's server, which does not run as root
        closed.chmod(0o711)
    data = folder / "postgres"
    data.mkdir(mode=0o700)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(new_server(_SETTINGS, data_on=data))
        except (AssertionError, LookupError, OSError) as error:
            raise StartError(f"PostgreSQL does not start: {error}") from error
        yield Postgres(server)
