"""Continues the numbers of transactions after a dump was restored into another server."""

from app.adapters.database.commit_mark import CommitMark
from app.adapters.database.feed import continue_numbering
from app.adapters.database.migrate import MigrationError
from app.adapters.database.postgres.connections import PooledConnection, connect
from app.adapters.database.postgres.errors import DRIVER_ERRORS, reason_of
from app.adapters.database.postgres.schema import run_apart
from app.adapters.database.postgres.transaction import PostgresTransaction


def continue_numbers(url: str, *, name: str) -> None:
    """Let new notifications come after all that are kept; called before anything is recorded.

    Raises:
        MigrationError: the database cannot be read, or it cannot be written and has to be.
    """
    try:
        run_apart(_continue_numbers(url))
    except DRIVER_ERRORS as error:
        raise MigrationError(f"the database {name} cannot be used ({reason_of(error)})") from error


async def _continue_numbers(url: str) -> None:
    connection = await connect(url, PooledConnection)
    try:
        transaction = PostgresTransaction(connection, CommitMark())
        await continue_numbering(transaction)
        await transaction.commit()
    finally:
        connection.terminate()
