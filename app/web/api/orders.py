"""GET /orders and GET /orders/{id} for the shop's own server; and marking flags as seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.domain.ids import CHECKOUT_ID, SESSION_ID
from app.domain.payments.flags import Flag
from app.domain.payments.status import PaymentStatus
from app.usecases.order_document import Order
from app.usecases.read_orders import ReadOrders
from app.usecases.see_flag import SeeFlag
from app.web.api.json_answer import NO_STORE, json_answer
from app.web.api.order_query import make_cursor, read_order_query
from app.web.api.order_schema import ORDER
from app.web.api.query import LIMIT_MAX, QueryReading
from app.web.api.tokens import OPERATOR_REFUSALS, OPERATOR_TOKEN, SHOP_REFUSALS, SHOP_TOKEN
from app.web.errors import InvalidQueryError
from app.web.http.bearer import Access, Role
from app.web.http.etags import is_known
from app.web.openapi import (
    MOMENT,
    TEXT,
    Operation,
    content,
    header,
    object_schema,
    or_null,
    parameter,
)
from app.web.routes import get_and_head, post

_GET_ORDER: Final = Operation(
    id="getOrder",
    tag="orders",
    summary="Read an order",
    description="What was bought, by whom, and whether it was paid. 404 if no token is configured.",
    parameters=[
        SHOP_TOKEN,
        parameter("path", "id", "The checkout's id, or its Stripe session's cs_… id."),
        parameter("header", "If-None-Match", "The ETag of the version that the caller has."),
    ],
    answers={
        "200": {
            "description": "The order.",
            "headers": {"ETag": header("The ETag of this version.")},
            **content(ORDER),
        },
        "304": {"description": "The order has not changed."},
    },
    errors=(*SHOP_REFUSALS, InvalidQueryError),
)
_SEE_FLAG: Final = Operation(
    id="seeFlag",
    tag="orders",
    summary="Mark a flag as seen",
    description="For operators. The flag stays as long as its cause, and is unseen again once it "
    "has a new one. Doing it twice is the same as once.",
    parameters=[
        OPERATOR_TOKEN,
        parameter("path", "id", "The checkout's id, or its Stripe session's cs_… id."),
        parameter("path", "flag", "One of the order's flags.", {"enum": [*Flag]} | TEXT),
    ],
    answers={"200": {"description": "The order.", **content(ORDER)}},
    errors=OPERATOR_REFUSALS,
)
_LIST_ORDERS: Final = Operation(
    id="listOrders",
    tag="orders",
    summary="List orders",
    description="The latest first. Send the same filters with each cursor.",
    parameters=[
        SHOP_TOKEN,
        parameter("query", "client_reference_id", "The shop's own order number."),
        parameter(
            "query",
            "status",
            "One status, or several: `status=paid&status=refunded`.",
            {"type": "array", "items": {"type": "string", "enum": [*PaymentStatus]}},
        ),
        parameter(
            "query",
            "flagged",
            "Whether there is a flag that nobody has marked as seen.",
            {"type": "boolean"},
        ),
        parameter("query", "created_gte", "Created at this time or later.", MOMENT),
        parameter("query", "created_lt", "Created before this time.", MOMENT),
        parameter(
            "query",
            "limit",
            "The number of orders; 50 by default.",
            {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
        ),
        parameter("query", "cursor", "`next_cursor` of the previous page."),
    ],
    answers={
        "200": {
            "description": "A page of orders.",
            **content(
                object_schema(
                    "Orders",
                    {
                        "orders": {"type": "array", "items": ORDER},
                        "next_cursor": or_null(TEXT) | {"description": "Null on the last page."},
                    },
                )
            ),
        }
    },
    errors=(*SHOP_REFUSALS, InvalidQueryError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersEndpoint:
    """Returns orders to callers with a token, and lets operators mark flags as seen."""

    read_orders: ReadOrders
    see_flag: SeeFlag
    access: Access

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /orders and /orders/{id}, POST /orders/{id}/flags/{flag}/seen."""
        return [
            *get_and_head("/orders", self.page, _LIST_ORDERS),
            *get_and_head("/orders/{id}", self.one, _GET_ORDER),
            post("/orders/{id}/flags/{flag}/seen", self.see, _SEE_FLAG),
        ]

    async def one(self, request: Request) -> Response:
        """Answer with one order, or raise a `CheckoutError`."""
        self.access.require(Role.SHOP, request.scope)
        QueryReading(request.query_params.multi_items()).finish()
        order = await self.read_orders.one(_order_id(request))
        headers = _headers_of(order)
        if is_known(headers["ETag"], request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return json_answer(order.document, headers)

    async def see(self, request: Request) -> Response:
        """Mark a flag as seen and answer with its order, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        order = await self.see_flag(_order_id(request), request.path_params["flag"])
        return json_answer(order.document, _headers_of(order))

    async def page(self, request: Request) -> Response:
        """Answer with a page of orders, or raise a `CheckoutError`."""
        self.access.require(Role.SHOP, request.scope)
        wanted, after, limit = read_order_query(request.query_params.multi_items())
        page = await self.read_orders.page(wanted, after, limit=limit)
        document = {
            "orders": [order.document for order in page.orders],
            "next_cursor": make_cursor(wanted, page.next) if page.next else None,
        }
        return json_answer(document, NO_STORE)


def _order_id(request: Request) -> str:
    """Return the id in the path; explain what an id is to who sends an order number."""
    public_id: str = request.path_params["id"]
    if not CHECKOUT_ID.fullmatch(public_id) and not SESSION_ID.fullmatch(public_id):
        raise NotFoundError(
            "There is no order with that id. Use a chk_… or cs_… id; find an order number with "
            "GET /orders?client_reference_id=…"
        )
    return public_id


def _headers_of(order: Order) -> dict[str, str]:
    return {**NO_STORE, "ETag": f'"{order.document["id"]}-{order.version}"'}
