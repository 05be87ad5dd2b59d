"""One watcher for all requests that wait for changes of a payment.

Changes that this process records are passed on at once. Changes of other processes are found in the
database, with one query per tick for all watched payments, and none while nothing is watched.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.fold.records import Payment
from app.domain.ids import CHECKOUT_ID
from app.usecases.live_places import LivePlaces, Place
from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.read_payment import ReadPayment
from app.usecases.records import PaymentVersion, PaymentView

TICK_S: Final = 0.5


class Follower:
    """A waiting request: what it was shown last, and an event that signals a possible change.

    Without a place, it gets only the current state.
    """

    __slots__ = ("_bell", "_watched", "place", "shown")

    def __init__(self, watched: "_Watched") -> None:
        self._watched = watched
        self._bell = asyncio.Event()
        self.place: Place | None = None
        self.shown: PaymentView

    @property
    def has_place(self) -> bool:
        """Whether it may wait; False if there was no place, or if it gave way later."""
        return self.place is not None and not self.place.gave_way

    async def next(self, timeout_s: float) -> PaymentView | None:
        """Return the payment when it differs from what was shown; None after the timeout.

        A slow reader skips states in between and gets the latest. Also None when the feed is
        closed, and immediately without a place.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._watched.view == self.shown and not self._is_over:
                    self._bell.clear()
                    await self._bell.wait()
        latest = self._watched.view
        if latest is None or latest == self.shown:
            return None
        self.shown = latest
        return latest

    def ring(self) -> None:
        """Signal that there may be a change."""
        self._bell.set()

    @property
    def _is_over(self) -> bool:
        return self._watched.is_closed or not self.has_place


class _Watched:
    """A watched payment, by one public id."""

    __slots__ = ("followers", "is_closed", "public_id", "versions", "view")

    def __init__(self, public_id: str) -> None:
        self.public_id = public_id
        self.view: PaymentView | None = None
        self.followers: set[Follower] = set()
        self.versions: dict[str, int] | None = None  # by session id, at the last tick
        self.is_closed = False

    @property
    def checkout_id(self) -> str | None:
        return self.public_id if CHECKOUT_ID.fullmatch(self.public_id) else None

    @property
    def session_ids(self) -> frozenset[str]:
        return self.view.session_ids if self.view else frozenset()

    def show(self, view: PaymentView) -> None:
        """Keep the later of two views, because reads may finish in the wrong order."""
        if self.view is None or _moment(view) > _moment(self.view):
            self.view = view
            self.ring()

    def ring(self) -> None:
        for follower in self.followers:
            follower.ring()

    def has_news(self, versions: dict[str, int]) -> bool:
        """Return whether a tick's versions differ from the view's and from the previous tick's."""
        if self.versions is None:
            return self.view is None or sum(versions.values()) != self.view.version
        return versions != self.versions


class PaymentFeed:
    """Notifies followers of changes, until it is closed."""

    def __init__(
        self,
        *,
        read_payment: ReadPayment,
        database: PaymentDatabase,
        places: LivePlaces,
        tick_s: float = TICK_S,
    ) -> None:
        self._read_payment = read_payment
        self._database = database
        self._tick_s = tick_s
        self._places = places
        self._watched: dict[str, _Watched] = {}
        self._stale: dict[str, _Watched] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._someone_waits = asyncio.Event()
        self.is_closed = False

    @property
    def followers(self) -> int:
        """The number of waiting requests."""
        return self._places.taken

    @asynccontextmanager
    async def follow(self, public_id: str, client: str) -> AsyncIterator[Follower]:
        """Follow a payment; the state that is `shown` first is what is committed now.

        `client` is the name by which the caller's places are counted. The follower is registered
        before the first read, so that it misses no change.

        Raises:
            NotFoundError: there is no such payment.
        """
        watched = self._watched.get(public_id) or _Watched(public_id)
        follower = Follower(watched)
        place = follower.place = self._places.take(client, public_id, follower.ring)
        if place is None:
            follower.shown = await self._refresh(watched)
            yield follower
            return
        self._watched[public_id] = watched
        watched.is_closed = self.is_closed
        watched.followers.add(follower)
        self._someone_waits.set()
        try:
            follower.shown = await self._refresh(watched)
            yield follower
        finally:
            self._places.leave(place)
            watched.followers.discard(follower)
            if not watched.followers:
                self._watched.pop(public_id, None)
            if not self._watched:
                self._someone_waits.clear()

    def changed(self, payments: Collection[Payment]) -> None:
        """Notify followers of these payments, which this process has committed."""
        if not self._watched:
            return
        for payment in payments:
            self._stale |= self._watched_by(payment)
        if self._stale and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh_stale())

    async def run(self) -> None:
        """Query the database once per tick, while something is watched."""
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(self._tick_s)
            with contextlib.suppress(StorageUnavailableError):  # the next tick tries again
                await self._tick()

    def close(self) -> None:
        """End all waiting, because the process is about to stop."""
        self.is_closed = True
        for watched in self._watched.values():
            watched.is_closed = True
            watched.ring()

    async def _tick(self) -> None:
        # A payment without a view is just being read for the first time.
        watched = [item for item in self._watched.values() if item.view]
        if not watched:
            return
        rows = await self._database.versions(
            list(frozenset[str]().union(*(item.session_ids for item in watched))),
            [checkout_id for item in watched if (checkout_id := item.checkout_id)],
        )
        by_id = _versions_by_id(rows)
        for item in watched:
            versions = dict(by_id[item.checkout_id or ""])
            for session_id in item.session_ids:
                versions |= by_id[session_id]
            if not item.has_news(versions) or await self._is_refreshed(item):
                item.versions = versions  # otherwise they stay, so that the next tick tries again

    def _watched_by(self, payment: Payment) -> dict[str, _Watched]:
        """Return the watched payments with this session's id, or its checkout's.

        Or with those of a session that it recovers, which is rare and needs a query.
        """
        ids = (payment.session_id, payment.facts.checkout_id or "")
        recovered = payment.facts.recovered_from
        return {
            public_id: self._watched[public_id] for public_id in ids if public_id in self._watched
        } | {
            public_id: watched
            for public_id, watched in (self._watched.items() if recovered else ())
            if recovered in watched.session_ids
        }

    async def _refresh_stale(self) -> None:
        try:
            while self._stale:
                _, watched = self._stale.popitem()
                await self._is_refreshed(watched)  # if it is not, the next tick finds it
        finally:
            self._refreshing = None

    async def _is_refreshed(self, watched: _Watched) -> bool:
        """Return False if it cannot be read, which must not affect other followers."""
        try:
            await self._refresh(watched)
        except Exception:  # noqa: BLE001 whatever it is, the others wait too
            return False
        return True

    async def _refresh(self, watched: _Watched) -> PaymentView:
        view = await self._read_payment(watched.public_id)
        watched.show(view)
        return watched.view or view


def _moment(view: PaymentView) -> tuple[int, bool]:
    """A checkout may be stored after its first event, which changes the view but no version."""
    return view.version, view.checkout_id is not None


def _versions_by_id(rows: Sequence[PaymentVersion]) -> defaultdict[str, dict[str, int]]:
    """Return versions by session id, checkout id and recovered session's id."""
    by_id: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        by_id[row.session_id][row.session_id] = row.version
        for other_id in (row.checkout_id, row.recovered_from):
            if other_id:
                by_id[other_id][row.session_id] = row.version
    return by_id
