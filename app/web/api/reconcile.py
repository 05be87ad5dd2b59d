"""POST /reconcile: lets an operator check Stripe for missed events now."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.usecases.ports import Clock
from app.usecases.reconcile import AGE_MAX_S, Check, Reconcile, read_since
from app.web.api.json_answer import json_answer
from app.web.api.order_query import true_or_false
from app.web.api.query import QueryReading
from app.web.api.tokens import OPERATOR_REFUSALS, OPERATOR_TOKEN
from app.web.errors import InvalidQueryError
from app.web.http.bearer import Access, Role
from app.web.openapi import TEXT, Operation, content, object_schema, parameter
from app.web.routes import post

_COUNT: Final = {"type": "integer", "minimum": 0}
_RECONCILE: Final = Operation(
    id="reconcile",
    tag="orders",
    summary="Check Stripe for missed events",
    description="For operators: checks now, as the service does every RECONCILE_EVERY_S. 404 "
    "without STRIPE_API_KEY.",
    parameters=[
        OPERATOR_TOKEN,
        parameter(
            "query", "since", "How far back, like `7d`, `12h` or `30m`; at most `30d`.", TEXT
        ),
        parameter("query", "all", "Whether to include delivered events.", {"type": "boolean"}),
    ],
    answers={
        "200": {
            "description": "Numbers of checked events and objects, new ones, changed orders, and "
            "what could not be read.",
            **content(
                object_schema(
                    "Reconciled",
                    {"seen": _COUNT, "new": _COUNT, "changed": _COUNT, "failed": _COUNT},
                )
            ),
        }
    },
    errors=(*OPERATOR_REFUSALS, InvalidQueryError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileEndpoint:
    """Checks Stripe, one check at a time. `reconcile` is None without a key."""

    reconcile: Reconcile | None
    clock: Clock
    access: Access
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> Sequence[BaseRoute]:
        """POST /reconcile."""
        return [post("/reconcile", self.check, _RECONCILE)]

    async def check(self, request: Request) -> Response:
        """Return the result of a check, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        check = _read_check(request.query_params.multi_items(), self.clock.now_ms())
        return json_answer(await self.run(check))

    async def run(self, check: Check) -> Mapping[str, int]:
        """Return the counts of a check, after those that are running.

        Raises:
            NotFoundError: there is no key.
        """
        if self.reconcile is None:
            raise NotFoundError("STRIPE_API_KEY is not set, so Stripe cannot be asked.")
        async with self._turn:
            result = await self.reconcile(check)
        return result.findings.counts


def _read_check(parameters: Sequence[tuple[str, str]], now_ms: int) -> Check:
    reading = QueryReading(parameters)
    since_s = reading.one("since", lambda text: read_since(text, now_ms // 1000))
    everything = reading.one("all", true_or_false)
    reading.finish()
    return Check(
        since_s=now_ms // 1000 - AGE_MAX_S if since_s is None else since_s,
        only_undelivered=not everything,
    )
