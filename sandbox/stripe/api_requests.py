"""What calls of Stripe's API have in common: the key, and pages of lists."""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.stripe.objects import JsonObject

PAGE_DEFAULT = 10
PAGE_MAX = 100


def require_key(request: Request) -> None:
    """Accept any restricted test key, because there is nothing to protect."""
    if not request.headers.get("authorization", "").startswith("Bearer rk_test_"):
        raise HTTPException(401, "Invalid API Key provided")


def page(request: Request, items: Sequence[JsonObject], url: str) -> Response:
    """Return one page of a list, after or before an item (Stripe: api/pagination)."""
    query, limit = request.query_params, read_number(request, "limit", PAGE_DEFAULT)
    if not 1 <= limit <= PAGE_MAX:
        raise HTTPException(400, f"limit must be from 1 to {PAGE_MAX}")
    ids = [item["id"] for item in items]
    start, end = 0, len(ids)
    try:
        if after := query.get("starting_after"):
            start = ids.index(after) + 1
        if before := query.get("ending_before"):
            end = ids.index(before)
    except ValueError as error:
        raise HTTPException(400, "No such item of this list") from error
    rest = items[start:end]
    page = rest[-limit:] if "ending_before" in query else rest[:limit]
    has_more = len(page) < len(rest)
    return JSONResponse({"object": "list", "data": page, "has_more": has_more, "url": url})


def read_number(request: Request, name: str, default: int) -> int:
    """Return a parameter that must be a whole number."""
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdecimal():
        raise HTTPException(400, f"{name} must be a whole number")
    return int(text[:18])
