"""Small joins. Each is commutative, associative and idempotent, so all that is made of them is."""

from collections.abc import Callable, Mapping
from typing import Protocol, Self, TypeVar

Value = TypeVar("Value", int, str)


class Joinable(Protocol):
    """What grows by `join` alone."""

    def join(self, other: Self, /) -> Self:
        """All that either side knows."""
        ...


Known = TypeVar("Known", bound=Joinable)


def either(
    choose: Callable[[Value, Value], Value], left: Value | None, right: Value | None
) -> Value | None:
    """What is known; where both sides know, what `choose` (`min` or `max`) takes."""
    if left is None or right is None:
        return right if left is None else left
    return choose(left, right)


def join_by_id(left: Mapping[str, Known], right: Mapping[str, Known]) -> Mapping[str, Known]:
    """All objects of both sides; one that both know is joined."""
    if not left or not right:
        return left or right
    joined = dict(left)
    for object_id, known in right.items():
        joined[object_id] = joined[object_id].join(known) if object_id in joined else known
    return joined


def join_ids(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...]:
    """The ids of both sides, each once, sorted."""
    if not left or not right:
        return left or right
    return tuple(sorted({*left, *right}))
