"""Turns a cart with an idempotency key into one payment page, however often it is sent.

Its recovery points, each a committed state from which the next request with the key continues:

    no row → `creating`, with a lease → `open`, the answer for 24 hours
                  └ failed: the row is deleted, the key is free again

Altan Pay is called between the two transactions, with none open. A process that crashes there
leaves `creating`; when the lease has expired, the next request takes over the key. If only the
database failed, the process knows that no request uses the key, and the next one continues with it
at once.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from app.domain.checkout.cart import CheckoutRequest
from app.domain.checkout.idempotency import KEY_LIFE_MS, IdempotencyKey, fingerprint
from app.domain.errors import (
    CheckoutInProgressError,
    CommitInDoubtError,
    IdempotencyKeyReusedError,
    StorageUnavailableError,
)
from app.usecases.records import Checkout, Claim, ClaimState
from app.usecases.start_checkout import Admission, StartCheckout
from app.usecases.storage import Transaction

WAIT_S: Final = 10.0  # the contract: then 409, and the caller retries
POLL_S: Final = 0.05
ABANDONED_MAX: Final = 1000  # above that, the oldest wait until their leases expire


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCheckoutOnce:
    """Starts a checkout, or returns the one that was started with this key before.

    `lease_s` must outlast the upstream's deadline and two commits.
    """

    start: StartCheckout
    lease_s: float
    wait_s: float = WAIT_S
    _abandoned: dict[str, None] = field(default_factory=dict)  # checkout ids, oldest first

    async def __call__(self, request: CheckoutRequest, key: IdempotencyKey) -> Checkout:
        """Return the key's checkout; the second of two concurrent requests waits for the first.

        Raises:
            IdempotencyKeyReusedError: the key was used for another cart.
            CheckoutInProgressError: the first request is still running after ten seconds.
            CheckoutError: from `StartCheckout`; then the key is free again.
        """
        cart_print = fingerprint(request)
        give_up_at = asyncio.get_running_loop().time() + self.wait_s
        admission = None
        while True:
            holder = await self._holder(key)
            if holder:
                is_mine = self._takes_over(holder, cart_print)
            else:  # before anything is written for a cart that is refused; counted once
                admission = admission or await self.start.admit(request, self.start.new_id())
                holder = await self._claim(key, cart_print, admission.checkout_id)
                is_mine = holder.checkout_id == admission.checkout_id
            if holder.fingerprint != cart_print:
                raise IdempotencyKeyReusedError("Use a new key for each cart.")
            if is_mine:
                checkout, admission = await self._make(request, holder, admission), None
            else:
                checkout = await self._made_by(holder)
            if checkout:
                return checkout
            # If another request took over the lease, check again: it may have finished by now.
            if not is_mine and asyncio.get_running_loop().time() >= give_up_at:
                raise CheckoutInProgressError("The first request with this key is still running.")
            await asyncio.sleep(POLL_S)

    async def _holder(self, key: IdempotencyKey) -> Claim | None:
        """Return who holds the key now."""
        now_ms = self.start.clock.now_ms()
        holder = await self.start.database.find_claim(key.digest)
        return holder if holder and not _is_over(holder, now_ms) else None

    async def _claim(self, key: IdempotencyKey, cart_print: str, checkout_id: str) -> Claim:
        """Claim a free key for this checkout; return who holds it now."""
        now_ms = self.start.clock.now_ms()
        mine = Claim(
            key_digest=key.digest,
            fingerprint=cart_print,
            checkout_id=checkout_id,
            state=ClaimState.CREATING,
            lease_until_ms=now_ms + int(self.lease_s * 1000),
            created_at_ms=now_ms,
        )

        async def claim(transaction: Transaction) -> Claim:
            holder = await transaction.claim(mine, dead_before_ms=now_ms - KEY_LIFE_MS)
            await transaction.commit()
            return holder

        try:
            return await self._write_twice_in_doubt(claim)
        except StorageUnavailableError:
            self._abandon(mine)
            raise

    async def _write_twice_in_doubt(
        self, claim: Callable[[Transaction], Awaitable[Claim]]
    ) -> Claim:
        """Return the key's holder; a claim with a doubtful commit recognizes itself by its id."""
        try:
            return await self.start.database.write(claim)
        except CommitInDoubtError:
            return await self.start.database.write(claim)

    async def _make(
        self, request: CheckoutRequest, mine: Claim, admission: Admission | None
    ) -> Checkout | None:
        """Store and return the checkout with its key; None if another request took the lease.

        The admission is of another checkout, or there is none, if this request took over.
        """
        try:
            if admission is None or admission.checkout_id != mine.checkout_id:
                admission = await self.start.admit(request, mine.checkout_id)
            checkout = await self.start.make(admission)
            still_mine = await self._keep(checkout, mine)
        except Exception:
            try:
                await self._free(mine)
            except StorageUnavailableError:
                self._abandon(mine)
            raise
        if not still_mine:
            return None
        self.start.on_start(checkout)
        return checkout

    async def _keep(self, checkout: Checkout, mine: Claim) -> bool:
        async def keep(transaction: Transaction) -> bool:
            await transaction.add_checkout(checkout)
            still_mine = await transaction.fulfil_claim(mine.key_digest, mine.checkout_id)
            if still_mine:
                await transaction.commit()
            return still_mine

        try:
            return await self.start.database.write(keep)
        except CommitInDoubtError:
            holder = await self.start.database.find_claim(mine.key_digest)
            if holder is None or _made(holder) != mine.checkout_id:
                raise
            return True

    async def _made_by(self, holder: Claim) -> Checkout | None:
        if holder.state is ClaimState.CREATING:
            return None
        return await self.start.database.find_checkout(holder.checkout_id)

    def _abandon(self, mine: Claim) -> None:
        """Remember that the key may belong to a request that has ended."""
        self._abandoned[mine.checkout_id] = None
        while len(self._abandoned) > ABANDONED_MAX:
            del self._abandoned[next(iter(self._abandoned))]

    def _takes_over(self, holder: Claim, cart_print: str) -> bool:
        """Return whether this request continues for one that has ended."""
        if holder.state is not ClaimState.CREATING or holder.fingerprint != cart_print:
            return False
        is_abandoned = holder.checkout_id in self._abandoned
        self._abandoned.pop(holder.checkout_id, None)
        return is_abandoned

    async def _free(self, mine: Claim) -> None:
        async def free(transaction: Transaction) -> None:
            await transaction.free_claim(mine.key_digest, mine.checkout_id)
            await transaction.commit()

        await self.start.database.write(free)


def _made(holder: Claim) -> str | None:
    """Return the key's checkout when it is on disk."""
    return holder.checkout_id if holder.state is ClaimState.OPEN else None


def _is_over(holder: Claim, now_ms: int) -> bool:
    lease_is_over = holder.state is ClaimState.CREATING and holder.lease_until_ms < now_ms
    return lease_is_over or holder.created_at_ms < now_ms - KEY_LIFE_MS
