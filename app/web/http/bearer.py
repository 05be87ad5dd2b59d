"""Checks bearer tokens of the shop's own server and of its operators (RFC 6750).

A valid token always passes. Wrong tokens are counted for each client, which limits guessing without
affecting other clients.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from app.domain.errors import NotFoundError
from app.web.errors import ForbiddenError, TooManyGuessesError, UnauthorizedError
from app.web.http.client_address import Network, client_bucket

WRONG_TOKENS_MAX: Final = 10
WRONG_TOKENS_WINDOW_S: Final = 60.0
CLIENTS_COUNTED_MAX: Final = (
    10_000  # the client that has not guessed for the longest time is dropped first
)


class Role(IntEnum):
    """What a token allows; an operator's token also allows what the shop's server may do."""

    SHOP = 1
    OPERATOR = 2


class Tokens:
    """The tokens from the settings, as digests: comparing takes the same time for any guess."""

    def __init__(self, *, shop: Sequence[str], operator: Sequence[str]) -> None:
        self._digests = [(_digest(token), Role.SHOP) for token in shop]
        self._digests += [(_digest(token), Role.OPERATOR) for token in operator]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def role_of(self, token: str) -> Role | None:
        """Return the token's role; None for an unknown token."""
        digest = _digest(token)
        found: Role | None = None
        for (
            known,
            role,
        ) in (
            self._digests
        ):  # always compare all of them, so that the time does not show which one matched
            if hmac.compare_digest(known, digest):
                found = role if found is None else max(found, role)
        return found


class WrongTokens:
    """Counts wrong tokens for each client, within a window that begins with the first."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def count(self, client: str) -> int | None:
        """Count one; return the seconds to wait if this client has guessed too often."""
        now_s = self._clock_s()
        guesses, since_s = self._counts.pop(client, (0, now_s))
        if now_s - since_s >= WRONG_TOKENS_WINDOW_S:
            guesses, since_s = 0, now_s
        self._counts[client] = (guesses + 1, since_s)
        if len(self._counts) > CLIENTS_COUNTED_MAX:
            self._counts.popitem(last=False)
        if guesses < WRONG_TOKENS_MAX:
            return None
        return max(1, round(WRONG_TOKENS_WINDOW_S - (now_s - since_s)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Decides who may use the endpoints that need a token."""

    tokens: Tokens
    wrong_tokens: WrongTokens
    trusted_proxies: Sequence[Network]

    def require(self, role: Role, scope: Scope) -> None:
        """Accept a request with a token for `role`.

        Raises:
            NotFoundError: no token is configured, so this endpoint does not exist.
            UnauthorizedError: the token is missing or wrong.
            TooManyGuessesError: this client has sent too many wrong ones.
            ForbiddenError: the token is valid, but does not allow this.
        """
        if not self.tokens:
            raise NotFoundError("There is nothing at this address.")
        token = bearer_token(Headers(scope=scope))
        if token is None:
            raise UnauthorizedError("A token is needed: send Authorization: Bearer TOKEN.")
        self.require_token(role, token, scope)

    def require_token(self, role: Role, token: str, scope: Scope) -> None:
        """Accept a token for `role` that came with this request, however it was sent.

        Raises:
            UnauthorizedError, TooManyGuessesError, ForbiddenError: as for `require`.
        """
        found = self.tokens.role_of(token)
        if found is None:
            self._refuse_guess(scope)
            raise UnauthorizedError(
                "The token is not valid: it is none of API_TOKENS and not ADMIN_API_TOKEN."
            )
        if found < role:
            raise ForbiddenError("This needs ADMIN_API_TOKEN; the token sent is one of API_TOKENS.")

    def is_from_the_shops_server(self, headers: Headers) -> bool:
        """Return whether a cart has a valid token, and so does not count for its address.

        A wrong one is not refused, because pages may send Authorization for other reasons; it
        counts for its address as a cart without one does.
        """
        token = bearer_token(headers)
        return token is not None and self.tokens.role_of(token) is not None

    def _refuse_guess(self, scope: Scope) -> None:
        wait_s = self.wrong_tokens.count(client_bucket(scope, self.trusted_proxies))
        if wait_s is not None:
            raise TooManyGuessesError(
                "Too many wrong tokens came from this address. Check the token, and wait.",
                limit=WRONG_TOKENS_MAX,
                remaining=0,
                retry_after_s=wait_s,
            )


def bearer_token(headers: Headers) -> str | None:
    """Return the token in an Authorization header (RFC 6750, 2.1), or None."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
