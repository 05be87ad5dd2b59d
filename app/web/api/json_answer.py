"""Answers for those who have a token."""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response

from app.usecases.document_json import json_of

NO_STORE: Final[Mapping[str, str]] = {"Cache-Control": "no-store"}


def json_answer(document: Mapping[str, object], headers: Mapping[str, str] = NO_STORE) -> Response:
    """A document for the shop's own server or its operators; no cache keeps it."""
    return Response(json_of(document), headers=headers, media_type="application/json")
