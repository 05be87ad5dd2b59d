"""Measures the fold: events that change a payment, compared with the same bytes only recorded.

All kinds are sent to one process, in turn. Their bodies have the same fields and the same length;
only the type and the ids decide what the service does with them.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bench import requests
from bench.contenders import Stage, Started, service
from bench.load import drive
from bench.measures import Plan, Trial, trial

RECORDED: Final = "product.created: recorded only"
KNOWN: Final = ("payment_intent.succeeded, payment known", "refund.created, payment known")

# How many are built for each second of a run, by connections; each needs an existing payment.
_EVENTS_PER_S_MAX: Final = {1: 2_500, 16: 8_000}
_SEED_CONNECTIONS: Final = 64
_SEED_S_MAX: Final = 120.0

_BODY_BYTES: Final = 4_096  # of every kind; spaces after the JSON make up for shorter names


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of event, and the id of its object."""

    name: str
    type: str
    object_id: str


_SESSION: Final = Kind(
    "checkout.session.completed, new payment",
    "checkout.session.completed",
    "cs_test_a1B2c3D4e5F6g7H8i9J0%serial%",
)
KINDS: Final = (
    Kind(RECORDED, "product.created", "prod_%serial%"),
    _SESSION,
    Kind(KNOWN[0], "payment_intent.succeeded", "pi_3Exemplo%serial%"),
    Kind(KNOWN[1], "refund.created", "re_3Exemplo%serial%"),
)


def fold_trials(stage: Stage, plan: Plan) -> Iterator[Trial]:
    """Measure signed events with unique ids of each kind, each answered after its commit."""
    contender = service(requests.webhooks, "events")
    with (
        stage.upstream(0) as upstream,
        stage.server(contender, upstream_port=upstream.process.port) as server,
    ):
        for number in range(plan.rounds):
            first = number % len(KINDS)
            for connections, per_s in _EVENTS_PER_S_MAX.items():
                for kind in [*KINDS[first:], *KINDS[:first]]:
                    sent = _prepare(server, kind, int(per_s * plan.seconds))
                    yield trial(number, sent, connections, plan.seconds)


def _prepare(server: Started, kind: Kind, count: int) -> Started:
    """Return the server for this kind of event, with the payments that it needs."""
    serials = list(itertools.islice(requests.SERIALS, count))
    if kind.name in KNOWN:
        drive(
            server.process.port,
            _signed(_SESSION, serials),
            connections=_SEED_CONNECTIONS,
            seconds=_SEED_S_MAX,
        )
    prepared = _signed(kind, serials)
    return replace(
        server, contender=replace(server.contender, name=kind.name, requests=lambda _: prepared)
    )


def _signed(kind: Kind, serials: list[int]) -> list[bytes]:
    template = _template(kind)
    return requests.signed(requests.filled(template, serials))


def _template(kind: Kind) -> bytes:
    """Return the session's event with another type and id, and the fields that the others need."""
    document = json.loads(requests.template("event.json"))
    prefix = kind.type.replace(".", "_")
    document |= {"id": f"evt_{prefix}_%serial%", "type": kind.type}
    document["data"]["object"] |= {
        "id": kind.object_id,
        "amount": 100,
        "charge": "ch_3Exemplo%serial%",
        "latest_charge": "ch_3Exemplo%serial%",
        "status": "succeeded",
    }
    body = json.dumps(document).encode()
    return body + b" " * (_BODY_BYTES - len(body))
