"""Loads the parts of orders: checkouts, their sessions' payments, events, twins and flags."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce

from app.domain.checkout.cart import Mode
from app.domain.errors import NotFoundError
from app.domain.fold.records import Payment
from app.domain.ids import CHECKOUT_ID, SESSION_ID
from app.domain.payments.claims import is_owner
from app.domain.payments.facts import PaymentFacts
from app.usecases.order_document import status_of
from app.usecases.order_flags import KEPT_MONEY
from app.usecases.orders import (
    KnownCause,
    OrderBook,
    OrderEvent,
    OrderParts,
    OrderPosition,
    Recovery,
    Twins,
)
from app.usecases.records import Checkout


async def find_order(book: OrderBook, public_id: str) -> OrderParts:
    """Return the order with this checkout id, or one of its sessions' ids.

    Raises:
        NotFoundError: no checkout and no event has this id.
    """
    if CHECKOUT_ID.fullmatch(public_id):
        found = await load_checkouts(book, await book.checkouts([public_id]))
    elif SESSION_ID.fullmatch(public_id):
        found = await load_sessions(book, [public_id])
    else:
        found = []
    if not found:
        raise NotFoundError("There is no order with that id.")
    return found[0]


async def load_orders(
    book: OrderBook, session_ids: Collection[str], checkout_ids: Collection[str]
) -> list[OrderParts]:
    """Return the orders of these sessions and checkouts, each once."""
    loaded = await load_sessions(book, session_ids)
    known = {each.position.order_id for each in loaded}
    missing = await book.checkouts([id_ for id_ in checkout_ids if id_ not in known])
    return loaded + await load_checkouts(book, missing)


async def load_checkouts(book: OrderBook, checkouts: Sequence[Checkout]) -> list[OrderParts]:
    """Return each checkout with the payments of all sessions that were created for it."""
    if not checkouts:
        return []
    claims = await book.claiming([checkout.id for checkout in checkouts])
    by_claim: defaultdict[str | None, list[Payment]] = defaultdict(list)
    for payment in claims:
        by_claim[payment.facts.checkout_id].append(payment)
    # Of every session that names one of them, so that no order depends on which are read with it.
    roots = {each.session_id for each in checkouts if each.session_id}
    roots |= {claim.session_id for claim in claims}
    kin = _by_root(await book.recoveries(sorted(roots)))
    return [_of_checkout(checkout, by_claim[checkout.id], kin) for checkout in checkouts]


def _of_checkout(
    checkout: Checkout, claims: Sequence[Payment], kin: Mapping[str, Sequence[Recovery]]
) -> OrderParts:
    """Return a checkout's payments; if it does not know its session, those that name it."""
    own = [checkout.session_id] if checkout.session_id else []
    own += [each.session_id for each in claims if is_owner(checkout, each.facts)]
    payments = _distinct(each.payment for root in own for each in kin.get(root, ()))
    known = {payment.session_id for payment in payments}
    named = _distinct(each.payment for claim in claims for each in kin.get(claim.session_id, ()))
    return OrderParts(
        position=OrderPosition(created_at_ms=checkout.created_at_ms, order_id=checkout.id),
        checkout=checkout,
        payments=payments,
        others=[payment for payment in named if payment.session_id not in known],
    )


async def load_sessions(book: OrderBook, session_ids: Collection[str]) -> list[OrderParts]:
    """Return the orders of these sessions, each once: their checkouts', or their own."""
    if not session_ids:
        return []
    chains: defaultdict[str, list[str]] = defaultdict(list)
    known: defaultdict[str, list[str]] = defaultdict(list)
    for origin in await book.origins(session_ids):
        known[origin.asked].append(origin.session_id)
        chains[origin.asked] += [origin.session_id, *filter(None, [origin.names])]
    chain_of = {id_: list(dict.fromkeys(chains.get(id_) or [id_])) for id_ in session_ids}
    owners = await _owners(book, chain_of)
    checkouts = {checkout.id: checkout for checkout in owners.values()}
    parts = await load_checkouts(book, list(checkouts.values()))
    roots = {known[id_][-1] for id_ in session_ids if id_ not in owners and known[id_]}
    kin = _by_root(await book.recoveries(sorted(roots)))
    return parts + [_of_stranger(root, kin[root]) for root in sorted(roots)]


async def _owners(book: OrderBook, chain_of: dict[str, list[str]]) -> dict[str, Checkout]:
    """Return each session's checkout: the nearest in its chain, or the one it was created for."""
    asked = {id_ for chain in chain_of.values() for id_ in chain}
    by_session = {
        each.session_id: each
        for each in sorted(await book.checkouts_of_sessions(asked), key=lambda each: each.id)
    }
    claims = await _claimed(book, asked - by_session.keys())
    owners: dict[str, Checkout] = {}
    for session_id, chain in chain_of.items():
        found = [by_session.get(id_) or claims.get(id_) for id_ in chain]
        if owner := next(filter(None, found), None):
            owners[session_id] = owner
    return owners


async def _claimed(book: OrderBook, session_ids: Collection[str]) -> dict[str, Checkout]:
    """Return checkouts that do not know the sessions created for them."""
    if not session_ids:
        return {}
    facts = {
        each.session_id: each.payment.facts
        for each in await book.recoveries(session_ids)
        if each.session_id == each.payment.session_id and each.payment.facts.checkout_id
    }
    named = await book.checkouts({str(each.checkout_id) for each in facts.values()})
    by_id = {checkout.id: checkout for checkout in named}
    return {
        session_id: checkout
        for session_id, each in facts.items()
        if (checkout := by_id.get(str(each.checkout_id))) and is_owner(checkout, each)
    }


def _of_stranger(root: str, kin: Sequence[Recovery]) -> OrderParts:
    own = next(each for each in kin if each.payment.session_id == root)
    return OrderParts(
        position=OrderPosition(created_at_ms=own.created_at_ms, order_id=root),
        checkout=None,
        payments=_distinct(each.payment for each in kin),
    )


async def whole(book: OrderBook, parts: Sequence[OrderParts]) -> list[OrderParts]:
    """Add renewals, events, twins and flags."""
    if not parts:
        return []
    payments = [payment for each in parts for payment in each.payments]
    renewals: defaultdict[str, list[PaymentFacts]] = defaultdict(list)
    subscribed = [p.session_id for p in payments if p.facts.mode is Mode.SUBSCRIPTION]
    for renewal in await book.renewals_of(subscribed) if subscribed else ():
        renewals[renewal.session_id].append(renewal.facts)
    others = [payment for each in parts for payment in each.others]
    events = await _events(book, [*payments, *others])
    twins = await _twins(book, [each.checkout.id for each in parts if each.checkout])
    known = await _known(book, [each.position.order_id for each in parts])

    def with_renewals(payment: Payment) -> Payment:
        facts = reduce(PaymentFacts.join, renewals[payment.session_id], payment.facts)
        return replace(payment, facts=facts)

    def with_all(each: OrderParts) -> OrderParts:
        return replace(
            each,
            payments=[with_renewals(payment) for payment in each.payments],
            events=[one for payment in each.payments for one in events[payment.session_id]],
            events_of_others=[one for other in each.others for one in events[other.session_id]],
            twins=twins.get(each.position.order_id),
            known=known[each.position.order_id],
        )

    return [with_all(each) for each in parts]


async def _events(
    book: OrderBook, payments: Sequence[Payment]
) -> defaultdict[str, list[OrderEvent]]:
    """Return the payments' events, by session."""
    by_session: defaultdict[str, list[OrderEvent]] = defaultdict(list)
    for event in await book.events_of([payment.session_id for payment in payments]):
        by_session[event.session_id].append(event)
    return by_session


async def _known(book: OrderBook, order_ids: Collection[str]) -> defaultdict[str, list[KnownCause]]:
    """Return the known causes of flags, by order."""
    by_order: defaultdict[str, list[KnownCause]] = defaultdict(list)
    for known in await book.known_causes(order_ids):
        by_order[known.cause.order_id].append(known)
    return by_order


async def _twins(book: OrderBook, checkout_ids: Collection[str]) -> dict[str, Twins]:
    """Load the payments of other checkouts with the same order number and cart."""
    twin_ids: defaultdict[str, list[str]] = defaultdict(list)
    for pair in await book.twins_of(checkout_ids):
        twin_ids[pair.order_id].append(pair.twin_id)
    asked = {id_ for ids in twin_ids.values() for id_ in ids}
    loaded = await load_checkouts(book, await book.checkouts(asked))
    paid = frozenset(
        each.position.order_id for each in loaded if status_of(each.payments) in KEPT_MONEY
    )
    versions = {
        each.position.order_id: sum(payment.version for payment in [*each.payments, *each.others])
        for each in loaded
    }
    return {
        order_id: Twins(paid_ids=paid.intersection(ids), version=sum(versions[id_] for id_ in ids))
        for order_id, ids in twin_ids.items()
    }


def _by_root(found: Iterable[Recovery]) -> defaultdict[str, list[Recovery]]:
    by_root: defaultdict[str, list[Recovery]] = defaultdict(list)
    for each in found:
        by_root[each.session_id].append(each)
    return by_root


def _distinct(payments: Iterable[Payment]) -> list[Payment]:
    by_session = {payment.session_id: payment for payment in payments}
    return [by_session[session_id] for session_id in sorted(by_session)]
