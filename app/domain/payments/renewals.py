"""Separates a subscription's renewals from its first payment, so that rows don't grow over time.

A payment's facts are stored in parts: the first payment's facts, which decide the status, and one
part for each renewal's invoice. Joined, the parts are the facts; and the parts are a function of
the facts, so it does not matter in which order events arrive, or which part was known first.

Ids alone decide which parts an event can change: those that contain an id that the event contains
(`ids_in`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from app.domain.checkout.cart import Mode
from app.domain.payments.facts import PaymentFacts
from app.domain.payments.refunds import amount_refunded_minor


def set_apart(facts: PaymentFacts) -> tuple[PaymentFacts, dict[str, PaymentFacts]]:
    """The first payment's facts, and each renewal's by its invoice's id.

    If two renewals claim the same object, it belongs to the one whose id comes first. Nothing is
    separated until it is known that there is a subscription.
    """
    if facts.mode is not Mode.SUBSCRIPTION:
        return facts, {}
    owners = _owners(facts)
    if not owners:
        return facts, {}
    first: dict[str, Any] = {}
    apart: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for kind, objects in _objects(facts).items():
        first[kind] = {}
        for object_id, (known, ids) in objects.items():
            claims = [owners[id_] for id_ in ids if id_ in owners]
            part = apart[min(claims)] if claims else first
            part.setdefault(kind, {})[object_id] = known
    renewals = {invoice_id: PaymentFacts(**part) for invoice_id, part in apart.items()}
    return replace(facts, **first), renewals


def refunded_minor(renewals: Iterable[PaymentFacts]) -> int:
    """Return what was refunded of these renewals, in the minor unit."""
    return sum(
        amount_refunded_minor(each.refunds, each.charges, counts=lambda *_: True)
        for each in renewals
    )


def ids_in(facts: PaymentFacts) -> set[str]:
    """Return the ids of the objects in the facts, and the ids that these refer to."""
    ids: set[str] = set()
    for objects in _objects(facts).values():
        for object_id, (_, named) in objects.items():
            ids.add(object_id)
            ids.update(id_ for id_ in named if id_)
    for invoice in facts.invoices.values():
        ids.update(invoice.payment_ids)
    return ids


def _owners(facts: PaymentFacts) -> dict[str, str]:
    """Map invoices, payment intents and charges to the renewal's invoice that they belong to."""
    owners: dict[str, str] = {}
    payment_ids = facts.renewals_payment_ids
    for invoice_id in sorted(facts.invoices):
        invoice = facts.invoices[invoice_id]
        if facts.is_renewal(invoice_id, invoice):
            owners[invoice_id] = invoice_id
            for payment_id in payment_ids.intersection(invoice.payment_ids):
                owners.setdefault(payment_id, invoice_id)
    for charge_id, charge in facts.charges.items():
        if claim := owners.get(charge.intent_id or ""):
            owners[charge_id] = min(claim, owners.get(charge_id, claim))
    return owners


def _objects(facts: PaymentFacts) -> Mapping[str, Mapping[str, tuple[Any, tuple[str | None, ...]]]]:
    """Yield objects that may belong to a renewal, by field name, with the ids that decide it."""
    return {
        "invoices": {id_: (each, (id_,)) for id_, each in facts.invoices.items()},
        "intents": {id_: (each, (id_,)) for id_, each in facts.intents.items()},
        "charges": {id_: (each, (id_, each.intent_id)) for id_, each in facts.charges.items()},
        "refunds": {
            id_: (each, (each.charge_id, each.intent_id)) for id_, each in facts.refunds.items()
        },
        "disputes": {
            id_: (each, (each.charge_id, each.intent_id)) for id_, each in facts.disputes.items()
        },
        "fraud_warnings": {
            id_: (each, (each.charge_id, each.intent_id))
            for id_, each in facts.fraud_warnings.items()
        },
    }
