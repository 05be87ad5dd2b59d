"""One watcher for everybody who waits for news of a payment.

What this process records it tells at once. What other processes record it sees in the database:
one query a tick for all that is waited for, and none while nobody waits.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from app.domain.errors import StorageUnavailableError
from app.domain.ids import CHECKOUT_ID
from app.usecases.live_places import LivePlaces, Place
from app.usecases.payment_lookup import PaymentDatabase
from app.usecases.read_payment import ReadPayment
from app.usecases.records import Payment, PaymentVersion, PaymentView

TICK_S: Final = 0.5


class Follower:
    """One who waits: what it was shown last, and a bell that rings when there may be news.

    Without a place it is shown the present state, and no more.
    """

    __slots__ = ("_bell", "_watched", "place", "shown")

    def __init__(self, watched: "_Watched") -> None:
        self._watched = watched
        self._bell = asyncio.Event()
        self.place: Place | None = None
        self.shown: PaymentView

    @property
    def has_place(self) -> bool:
        """Whether it may wait; False from the start where all is full, or later if it gave way."""
        return self.place is not None and not self.place.gave_way

    async def next(self, timeout_s: float) -> PaymentView | None:
        """The payment once it differs from what was shown; None if that takes too long.

        A slow reader misses what lies between, and gets the latest. None, too, once the watch is
        closed, and at once without a place.
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
        """Say that there may be news."""
        self._bell.set()

    @property
    def _is_over(self) -> bool:
        return self._watched.is_closed or not self.has_place


class _Watched:
    """A payment that is waited for, by one public id."""

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
        """Two reads may end in the wrong order; this says which is the later."""
        if self.view is None or _moment(view) > _moment(self.view):
            self.view = view
            self.ring()

    def ring(self) -> None:
        for follower in self.followers:
            follower.ring()

    def has_news(self, versions: dict[str, int]) -> bool:
        """Whether a tick's versions are not those of the view, or of the tick before."""
        if self.versions is None:
            return self.view is None or sum(versions.values()) != self.view.version
        return versions != self.versions


class PaymentFeed:
    """Tells followers of changes, until it is closed."""

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
        """How many wait now."""
        return self._places.taken

    @asynccontextmanager
    async def follow(self, public_id: str, client: str) -> AsyncIterator[Follower]:
        """Wait for news of a payment; what is `shown` at first is what is committed now.

        `client` is the bucket that the caller's places are counted by. Registered before the first
        read, so that no change falls between the two.

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
        """Notify those who wait for these payments, which this process has committed."""
        if not self._watched:
            return
        for payment in payments:
            self._stale |= self._watched_by(payment)
        if self._stale and self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh_stale())

    async def run(self) -> None:
        """Look at the database once a tick, while somebody waits."""
        while True:
            await self._someone_waits.wait()
            await asyncio.sleep(self._tick_s)
            with contextlib.suppress(StorageUnavailableError):  # the next tick tries again
                await self._tick()

    def close(self) -> None:
        """Let everybody go: the process is about to end."""
        self.is_closed = True
        for watched in self._watched.values():
            watched.is_closed = True
            watched.ring()

    async def _tick(self) -> None:
        # One without a view is being read for the first time, at this very moment.
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
                item.versions = versions  # else they stay, so that the next tick tries again

    def _watched_by(self, payment: Payment) -> dict[str, _Watched]:
        """Who waits for this payment: by the session's id, or by its checkout's.

        Or by those of the session that it recovers, which few do: so those are looked for.
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
                await self._is_refreshed(watched)  # if it is not, the next tick will tell
        finally:
            self._refreshing = None

    async def _is_refreshed(self, watched: _Watched) -> bool:
        """False where it cannot be read, which must not cost the others their news."""
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
    """A checkout may be kept after its first event: that changes the view, but no version."""
    return view.version, view.checkout_id is not None


def _versions_by_id(rows: Sequence[PaymentVersion]) -> defaultdict[str, dict[str, int]]:
    """By session id, checkout id and recovered session's id: the versions of the payments."""
    by_id: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        by_id[row.session_id][row.session_id] = row.version
        for other_id in (row.checkout_id, row.recovered_from):
            if other_id:
                by_id[other_id][row.session_id] = row.version
    return by_id
