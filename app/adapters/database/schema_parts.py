"""Shared parts of the tables' definitions."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Index, MetaData, Text, TextClause

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)

# Ids compare byte by byte, as in SQLite: pages of ids have the same order in every database, a
# range of ids is a range of the index, and no locale's rules slow down a search.
Id = Text().with_variant(Text(collation="C"), "postgresql")


def add_index(name: str, *columns: Column[Any], where: ColumnElement[bool] | TextClause) -> None:
    """Add an index of the rows for which `where` is true, on either database."""
    Index(name, *columns, sqlite_where=where, postgresql_where=where)
