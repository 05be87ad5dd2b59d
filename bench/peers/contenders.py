"""The alternatives, each on a separate database."""

from collections.abc import Callable
from typing import Final

from bench import requests
from bench.contenders import Contender
from bench.peers.installed import djstripe_python, node_program
from bench.postgres import Database

FASTIFY: Final = "Fastify, bare insert"
SYNC_ENGINE: Final = "stripe-sync-engine"
DJSTRIPE: Final = "dj-stripe"

_SLOWER: Final = 3  # times slower, at least, than the load is built for
_SLOWEST: Final = 20


def bare_insert(database: Database, _: int) -> Contender:
    """Return a handler written by hand for Node.js: it records, but does not fold."""
    return Contender(
        name=FASTIFY,
        command=node_program("bare_insert.mjs"),
        first_path="/",
        requests=requests.webhooks,
        table="webhook_events",
        database=database,
    )


def sync_engine(database: Database, api_port: int) -> Contender:
    """Return stripe-sync-engine, which copies Stripe's objects: a session and its line items."""
    program = node_program("sync_engine.mjs")
    return Contender(
        name=SYNC_ENGINE,
        command=program,
        first_path="/",
        requests=_fewer(_SLOWER),
        table="stripe.checkout_sessions",
        database=database,
        prepare=[*program, "--migrate"],
        env={"STRIPE_API_PORT": str(api_port)},
    )


def djstripe(database: Database, api_port: int) -> Contender:
    """Return dj-stripe, which stores the event and a copy of its object with all references."""
    command = [djstripe_python(), "-m", "bench.peers.djstripe.shop"]
    return Contender(
        name=DJSTRIPE,
        command=command,
        first_path="/",
        requests=_fewer(_SLOWEST),
        table="djstripe_event",
        database=database,
        prepare=[*command, "migrate"],
        env={"STRIPE_API_PORT": str(api_port)},
    )


PEERS: Final = {FASTIFY: bare_insert, SYNC_ENGINE: sync_engine, DJSTRIPE: djstripe}


def _fewer(times: int) -> Callable[[int], list[bytes]]:
    return lambda count: requests.webhooks(count // times)
