"""A cart with an idempotency key becomes one payment page, however often it is sent.

Its recovery points, each a committed state from which the next request with the key goes on:

    no row → `creating`, with a lease → `open`, the answer for 24 hours
                  └ failed: the row is deleted, the key is free again

Altan Pay is called between the two transactions, with none open. Who dies there leaves `creating`
behind, and when the lease is over the next request takes the key over.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from app.domain.cart import CheckoutRequest
from app.domain.errors import (
    CheckoutInProgressError,
    IdempotencyKeyReusedError,
    StorageUnavailableError,
)
from app.domain.idempotency import KEY_LIFE_MS, IdempotencyKey, fingerprint
from app.usecases.ports import StillWanted
from app.usecases.records import Checkout, Claim, ClaimState
from app.usecases.start_checkout import StartCheckout
from app.usecases.storage import Transaction

WAIT_S: Final = 10.0  # the contract: then 409, and the caller comes again
POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCheckoutOnce:
    """Starts a checkout, or finds the one that was started with this key already.

    `lease_s` must outlast the upstream's deadline and two commits.
    """

    start: StartCheckout
    lease_s: float
    wait_s: float = WAIT_S

    async def __call__(
        self, request: CheckoutRequest, key: IdempotencyKey, still_wanted: StillWanted
    ) -> Checkout:
        """The key's checkout; of two requests at once, the second waits for the first's.

        Raises:
            IdempotencyKeyReusedError: the key was used for another cart.
            CheckoutInProgressError: the first request still runs after ten seconds.
            CheckoutError: whatever `StartCheckout` raises; the key is free again then.
        """
        cart_print = fingerprint(request)
        give_up_at = asyncio.get_running_loop().time() + self.wait_s
        while True:
            holder, is_mine = await self._hold(request, key, cart_print)
            if holder.fingerprint != cart_print:
                raise IdempotencyKeyReusedError("Make a new key for each cart.")
            if is_mine:
                checkout = await self._make(request, holder, still_wanted)
            else:
                checkout = await self._made_by(holder)
            if checkout:
                return checkout
            # Whose lease went to another looks once more: the other may have made it by now.
            if not is_mine and asyncio.get_running_loop().time() >= give_up_at:
                raise CheckoutInProgressError("The first request with this key is still running.")
            await asyncio.sleep(POLL_S)

    async def _hold(
        self, request: CheckoutRequest, key: IdempotencyKey, cart_print: str
    ) -> tuple[Claim, bool]:
        """Who holds the key now, and whether that is this very request."""
        now_ms = self.start.clock.now_ms()
        dead_before_ms = now_ms - KEY_LIFE_MS
        holder = await self.start.database.find_claim(key.digest)
        if holder and not _is_over(holder, now_ms, dead_before_ms):
            return holder, False
        self.start.check(request)  # before anything is written for a cart that nobody sells
        mine = Claim(
            key_digest=key.digest,
            fingerprint=cart_print,
            checkout_id=self.start.new_id(),
            state=ClaimState.CREATING,
            lease_until_ms=now_ms + int(self.lease_s * 1000),
            created_at_ms=now_ms,
        )

        async def claim(transaction: Transaction) -> Claim:
            holder = await transaction.claim(mine, dead_before_ms=dead_before_ms)
            await transaction.commit()
            return holder

        holder = await self.start.database.write(claim)
        return holder, holder.checkout_id == mine.checkout_id

    async def _make(
        self, request: CheckoutRequest, mine: Claim, still_wanted: StillWanted
    ) -> Checkout | None:
        """The checkout, on disk together with its key; None where the lease went to another."""
        try:
            checkout = await self.start.make(request, mine.checkout_id, still_wanted)
            still_mine = await self._keep(checkout, mine)
        except Exception:
            with contextlib.suppress(StorageUnavailableError):  # then its lease frees it
                await self._free(mine)
            raise
        return checkout if still_mine else None

    async def _keep(self, checkout: Checkout, mine: Claim) -> bool:
        async def keep(transaction: Transaction) -> bool:
            await transaction.add_checkout(checkout)
            still_mine = await transaction.fulfil_claim(mine.key_digest, mine.checkout_id)
            if still_mine:
                await transaction.commit()
            return still_mine

        return await self.start.database.write(keep)

    async def _made_by(self, holder: Claim) -> Checkout | None:
        if holder.state is ClaimState.CREATING:
            return None
        return await self.start.database.find_checkout(holder.checkout_id)

    async def _free(self, mine: Claim) -> None:
        async def free(transaction: Transaction) -> None:
            await transaction.free_claim(mine.key_digest, mine.checkout_id)
            await transaction.commit()

        await self.start.database.write(free)


def _is_over(holder: Claim, now_ms: int, dead_before_ms: int) -> bool:
    lease_is_over = holder.state is ClaimState.CREATING and holder.lease_until_ms < now_ms
    return lease_is_over or holder.created_at_ms < dead_before_ms
