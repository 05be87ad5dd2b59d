"""Answers for those who have a token."""

import json
from collections.abc import Mapping
from typing import Final

import orjson
from starlette.responses import Response

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}


def json_answer(document: Mapping[str, object], headers: Mapping[str, str] = NO_STORE) -> Response:
    """A document for the shop's own server or its operators; no cache keeps it."""
    try:
        body = orjson.dumps(document)
    except TypeError:
        body = _json_of_odd_text(document)
    return Response(body, headers=headers, media_type="application/json")


def _json_of_odd_text(document: Mapping[str, object]) -> bytes:
    """Replace what cannot be encoded as UTF-8: half an emoji in a buyer's text from Stripe."""
    text = json.dumps(document, ensure_ascii=False)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
