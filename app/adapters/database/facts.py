"""A payment's facts as JSON text: what a row keeps, so that the next event can be joined to it."""

from dataclasses import fields
from typing import Any, Final

import orjson

from app.domain.cart import Mode
from app.domain.payment import PaymentFacts

_NAMES: Final = tuple(field.name for field in fields(PaymentFacts))


def facts_to_json(facts: PaymentFacts) -> str:
    """Only what is proven is written: a row stays small, and a new fact needs no migration."""
    proven = {
        name: value
        for name in _NAMES
        if (value := getattr(facts, name)) is not None and value is not False
    }
    return orjson.dumps(proven).decode()


def facts_from_json(text: str) -> PaymentFacts:
    """Read back what `facts_to_json` wrote."""
    proven: dict[str, Any] = orjson.loads(text)
    if "mode" in proven:
        proven["mode"] = Mode(proven["mode"])
    return PaymentFacts(**proven)
