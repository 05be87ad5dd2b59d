"""A payment's facts as JSON text, as stored in its row."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from itertools import compress
from operator import attrgetter
from typing import Any, Final

import orjson

from app.domain.checkout.cart import LineItem, Mode
from app.domain.payments.disputes import Dispute, DisputeState, FraudWarning, Review
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.intents import Intent, IntentState
from app.domain.payments.refunds import Charge, Refund, RefundState
from app.domain.payments.session_details import SessionDetails
from app.domain.payments.subscriptions import Invoice, Subscription, SubscriptionStatus

_NAMES: Final = tuple(field.name for field in fields(PaymentFacts))
_NUMBERS: Final = tuple(field.name for field in fields(PaymentFacts) if field.type == int | None)
_values_of: Final = attrgetter(*_NAMES)
_DETAILS: Final = tuple(field.name for field in fields(SessionDetails))
_details_of: Final = attrgetter(*_DETAILS)

Object = dict[str, Any]


def facts_to_json(facts: PaymentFacts) -> str:
    """Write only proven facts, so that rows stay small and a new fact needs no migration."""
    values = _values_of(facts)
    proven = dict(compress(zip(_NAMES, values, strict=True), values))
    for name in _NUMBERS:  # an amount of nothing is a fact, as False and an empty map are not
        if getattr(facts, name) == 0:
            proven[name] = 0
    if facts.details is not None:
        proven["details"] = _known(facts.details)
    return orjson.dumps(proven).decode()


def facts_from_json(text: str) -> PaymentFacts:
    """Read back what `facts_to_json` wrote."""
    proven: Object = orjson.loads(text)
    if "fraud_warning_ids" in proven:
        _rename_warnings(proven)
    for name in _READERS.keys() & proven.keys():
        proven[name] = _READERS[name](proven[name])
    return PaymentFacts(**proven)


def _rename_warnings(proven: Object) -> None:
    """Read the warnings of a row that an older version wrote, which knew only their ids."""
    answered = proven.pop("answered_warning_ids", ())
    proven["fraud_warnings"] = {
        id_: {"answered": id_ in answered} for id_ in proven.pop("fraud_warning_ids")
    }


def _known(details: SessionDetails) -> Object:
    values = zip(_DETAILS, _details_of(details), strict=True)
    return {name: value for name, value in values if value is not None}


def _details(value: Object) -> SessionDetails:
    bought = tuple(LineItem(**item) for item in value.get("bought", ()))
    return SessionDetails(**value | {"bought": bought})


def _invoice(value: Object) -> Invoice:
    return Invoice(**value | {"payment_ids": tuple(value["payment_ids"])})


def _by_id(read: Callable[[Object], object]) -> Callable[[Mapping[str, Object]], object]:
    return lambda objects: {object_id: read(value) for object_id, value in objects.items()}


_READERS: Final[Mapping[str, Callable[[Any], object]]] = {
    "mode": Mode,
    "details": _details,
    "intent_ids": tuple,
    "invoice_ids": tuple,
    "intents": _by_id(lambda value: Intent(**value | {"state": IntentState(value["state"])})),
    "charges": _by_id(lambda value: Charge(**value)),
    "refunds": _by_id(lambda value: Refund(**value | {"state": RefundState(value["state"])})),
    "disputes": _by_id(lambda value: Dispute(**value | {"state": DisputeState(value["state"])})),
    "subscriptions": _by_id(
        lambda value: Subscription(**value | {"status": SubscriptionStatus(value["status"])})
    ),
    "invoices": _by_id(_invoice),
    "reviews": _by_id(lambda value: Review(**value)),
    "fraud_warnings": _by_id(lambda value: FraudWarning(**value)),
}
