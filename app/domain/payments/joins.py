"""Basic joins. Each is commutative, associative and idempotent, and so are their combinations."""

from collections.abc import Callable, Mapping
from typing import Protocol, Self, TypeVar

from app.domain.checkout.cart import Mode

Value = TypeVar("Value", bool, int, str)


class Joinable(Protocol):
    """A value that changes only through `join`."""

    def join(self, other: Self, /) -> Self:
        """Return everything that either side knows."""
        ...


Known = TypeVar("Known", bound=Joinable)


def either(
    choose: Callable[[Value, Value], Value], left: Value | None, right: Value | None
) -> Value | None:
    """Return the known value; if both are known, the one that `choose` (`min` or `max`) returns."""
    if left is None or right is None:
        return right if left is None else left
    return choose(left, right)


def either_mode(left: Mode | None, right: Mode | None) -> Mode | None:
    """Return the known mode; if both are known and differ, a subscription.

    So what belongs to a renewal stays there.
    """
    if left is None or right is None:
        return right if left is None else left
    return max(left, right)


def join_known(left: Known | None, right: Known | None) -> Known | None:
    """Return the known value; if both are known, their join."""
    if left is None or right is None:
        return right if left is None else left
    return left.join(right)


def later_word(statuses: tuple[str, ...], left: str | None, right: str | None) -> str | None:
    """Return the one of two statuses that comes later in `statuses`, which contains both."""
    if left is None or right is None:
        return right if left is None else left
    return max(left, right, key=statuses.index)


def join_by_id(left: Mapping[str, Known], right: Mapping[str, Known]) -> Mapping[str, Known]:
    """Return all objects of both sides; objects with the same id are joined."""
    if not left or not right:
        return left or right
    joined = dict(left)
    for object_id, known in right.items():
        joined[object_id] = joined[object_id].join(known) if object_id in joined else known
    return joined


def join_ids(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """Return the ids of both sides, each once, sorted."""
    if not left or not right:
        return left or right
    return tuple(sorted({*left, *right}))
