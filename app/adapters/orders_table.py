"""Writes orders to a table behind PostgREST, such as that of Altan's cloud or Supabase.

PostgREST, "Tables and Views": Upsert (`on_conflict`, `resolution=merge-duplicates`), Bulk Insert
(all rows have the same keys; one transaction), Vertical Filtering (`select`).
"""

from collections.abc import Sequence
from functools import partial
from http import HTTPStatus
from typing import Final

from app.adapters.http_transport import AiohttpTransport
from app.adapters.orders_table_sql import COLUMNS, PERSONAL_COLUMNS
from app.adapters.posts import TRY_S, Posts
from app.domain.notifications.tries import Answer, Verdict, verdict_of
from app.usecases.document_json import json_of
from app.usecases.order_document import Document
from app.usecases.ports import Clock

_TOO_MANY: Final = HTTPStatus.TOO_MANY_REQUESTS


class PostgrestTable:
    """A table made by `altan-checkout orders-table`."""

    def __init__(  # noqa: PLR0913 where it is, who writes, and how long
        self,
        url: str,
        *,
        key: str,
        transport: AiohttpTransport,
        clock: Clock,
        version: str,
        deadline_s: float = TRY_S,
    ) -> None:
        """`transport` has a `CheckedResolver`; `deadline_s` limits each request."""
        posts = partial(Posts, transport=transport, clock=clock, deadline_s=deadline_s)
        table, personal = url.rstrip("/"), ",".join(PERSONAL_COLUMNS)
        self._rows = posts(f"{table}?on_conflict=id")
        self._whole = posts(f"{table}?select={','.join(COLUMNS)}&limit=0")
        self._personal = posts(f"{table}?select={personal}&limit=0")
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "apikey": key,
            "authorization": f"Bearer {key}",
            "user-agent": f"altan-checkout/{version}",
        }
        self._columns: Sequence[str] | None = None  # until the table was looked at

    async def upsert(self, orders: Sequence[Document]) -> Answer:
        """Insert or update a row for each order; return what the table answered.

        Personal data is sent only to a table that has the columns for it.
        """
        if self._columns is None:
            answer = await self._personal.get(self._headers)
            if answer.status is None or _is_passing(answer.status):
                return answer
            has_them = answer.status == HTTPStatus.OK
            self._columns = (*COLUMNS, *(PERSONAL_COLUMNS if has_them else ()))
        rows = [{name: order[name] for name in self._columns} for order in orders]
        headers = {
            "content-type": "application/json",
            "prefer": "resolution=merge-duplicates,return=minimal",
        }
        answer = await self._rows.post(self._headers | headers, json_of(rows))
        if verdict_of(answer) is not Verdict.TAKEN:
            self._columns = None  # the table may have been changed
        return answer

    async def fits(self) -> bool:
        """Whether the table exists and has our columns, so that a refusal is about a row."""
        return (await self._whole.get(self._headers)).status == HTTPStatus.OK


def _is_passing(status: int) -> bool:
    """Whether this says nothing about the columns, which may be asked for again later."""
    return status == _TOO_MANY or status >= HTTPStatus.INTERNAL_SERVER_ERROR
