"""Places are shared out by client and by payment; who holds most gives way first."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.usecases.live_places import Full, LivePlaces, Place

STRANGERS = [f"stranger {number}" for number in range(3)]


def no_ring() -> None:
    pass


def take_many(places: LivePlaces, client: str, count: int) -> list[Place]:
    taken = (places.take(client, f"{client}'s {number}", no_ring) for number in range(count))
    return [place for place in taken if place]


def test_one_client_gets_so_many_and_another_has_its_own() -> None:
    full: list[Full] = []
    places = LivePlaces(in_all=100, of_client=5, on_full=full.append)

    assert len(take_many(places, "stranger", 50)) == 5
    assert len(take_many(places, "buyer", 5)) == 5
    assert full == [Full.CLIENT] * 45


def test_the_oldest_of_a_payment_gives_way_whoever_it_is() -> None:
    full: list[Full] = []
    rung: list[str] = []
    places = LivePlaces(of_payment=2, on_full=full.append)
    names = ["first", "second", "third", "fourth"]

    taken = [places.take(name, "chk", lambda name=name: rung.append(name)) for name in names]  # type: ignore[misc]

    assert [place and place.gave_way for place in taken] == [True, True, False, False]
    assert (rung, full, places.taken) == (["first", "second"], [Full.PAYMENT] * 2, 2)


def test_a_client_with_all_its_places_moves_no_other_client_from_a_payment() -> None:
    places = LivePlaces(of_client=2, of_payment=1)
    theirs = places.take("buyer", "chk", no_ring)
    own = places.take("stranger", "chk own", no_ring)
    take_many(places, "stranger", 1)

    assert places.take("stranger", "chk", no_ring) is None
    assert places.take("stranger", "chk own", no_ring)
    assert (theirs and theirs.gave_way, own and own.gave_way) == (False, True)


def test_when_all_are_taken_the_largest_gives_its_oldest_to_whom_has_none() -> None:
    full: list[Full] = []
    places = LivePlaces(in_all=12, of_client=4, on_full=full.append)
    held = [take_many(places, stranger, 4) for stranger in STRANGERS]

    buyers = [places.take(f"buyer {number}", "chk", no_ring) for number in range(6)]

    assert all(buyers)
    assert [[place.gave_way for place in each] for each in held] == [[True, True, False, False]] * 3
    assert (places.taken, full) == (12, [Full.ALL] * 6)


def test_equals_take_nothing_from_each_other() -> None:
    places = LivePlaces(in_all=4)
    held = [places.take(f"buyer {number}", "chk", no_ring) for number in range(4)]

    assert places.take("another", "chk other", no_ring) is None
    assert not any(place is None or place.gave_way for place in held)


def test_who_gave_way_and_leaves_frees_nothing_twice() -> None:
    places = LivePlaces(of_payment=1)
    first = places.take("one", "chk", no_ring)
    second = places.take("two", "chk", no_ring)
    assert first
    assert second

    places.leave(first)
    assert places.taken == 1
    places.leave(second)
    assert places.taken == 0


@given(
    acts=st.lists(
        st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=80
    )
)
def test_whatever_comes_and_goes_no_limit_is_passed_and_who_has_none_gets_one(
    acts: Sequence[tuple[bool, int, int]],
) -> None:
    places = LivePlaces(in_all=8, of_client=4, of_payment=3)
    held: list[Place] = []
    for leaves, client, payment in acts:
        held = [place for place in held if not place.gave_way]
        sizes = Counter(place.client for place in held)
        if leaves and held:
            places.leave(held.pop(client % len(held)))
        elif place := places.take(str(client), str(payment), no_ring):
            held.append(place)
        else:
            assert sizes[str(client)] == 4 or max(sizes.values()) <= sizes[str(client)] + 1
        held = [place for place in held if not place.gave_way]
        assert places.taken == len(held) <= 8
        assert max(Counter(place.client for place in held).values(), default=0) <= 4
        assert max(Counter(place.payment for place in held).values(), default=0) <= 3
