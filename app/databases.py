"""Opens the database in the settings, and brings its schema up to date."""

from typing import TYPE_CHECKING, TypeAlias, Union

from app.adapters.database.migrate import migrate, require_current
from app.adapters.database.sqlite.database import SqliteDatabase
from app.settings.settings import Settings
from app.usecases.outbox import Posting
from app.usecases.ports import Alarm

if TYPE_CHECKING:
    from app.adapters.database.postgres.database import PostgresDatabase

AnyDatabase: TypeAlias = Union[SqliteDatabase, "PostgresDatabase"]


def prepare_database(settings: Settings, *, by_operator: bool = False) -> None:
    """Bring the schema up to date; only an operator does that for PostgreSQL's replicas.

    Raises:
        MigrationError: the database cannot be used.
    """
    url, name = settings.postgres_url, settings.database_name
    if url is None:
        migrate(settings.database_path)
        return
    from app.adapters.database.postgres import schema as postgres_schema  # noqa: PLC0415 most do without its weight
    from app.adapters.database.postgres.numbering import continue_numbers  # noqa: PLC0415 as above

    if by_operator:
        postgres_schema.migrate_postgres(url, name=name)
    else:
        postgres_schema.require_current_schema(url, name=name)
    continue_numbers(url, name=name)


def require_database(settings: Settings) -> None:
    """Refuse a database that is not there or not up to date; change nothing.

    Raises:
        MigrationError: the database cannot be used.
    """
    if settings.postgres_url is None:
        require_current(settings.database_path)
    else:
        prepare_database(settings)  # which changes no schema of a server


def open_database(settings: Settings, alarm: Alarm) -> AnyDatabase:
    """Open the database in the settings; its schema must be up to date."""
    database = _open(settings, alarm)
    is_on = settings.notify_url is not None
    has_token = bool(settings.api_tokens) or settings.admin_api_token is not None
    database.posting = Posting(
        is_kept=is_on or has_token or settings.orders_table_url is not None,
        is_on=is_on,
        includes_foreign=settings.notify_foreign,
        has_table=settings.orders_table_url is not None,
    )
    return database


def _open(settings: Settings, alarm: Alarm) -> AnyDatabase:
    if settings.postgres_url is None:
        return SqliteDatabase(settings.database_path, alarm)
    from app.adapters.database.postgres.database import PostgresDatabase  # noqa: PLC0415 as above

    return PostgresDatabase(settings.postgres_url, alarm, pool_size=settings.database_pool_size)
