"""The query of a public address, unless it is longer than any that we hand out."""

from typing import Final

from starlette.datastructures import QueryParams
from starlette.types import Scope

from app.domain.checkout.urls import URL_LENGTH_MAX

QUERY_BYTES_MAX: Final = URL_LENGTH_MAX


def query_of(scope: Scope) -> QueryParams:
    """Return the query's parameters; none of a longer query, because reading it costs too much."""
    query = scope.get("query_string", b"")
    return QueryParams(query if len(query) <= QUERY_BYTES_MAX else b"")
