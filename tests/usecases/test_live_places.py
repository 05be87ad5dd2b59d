"""Places are divided between clients and payments; who holds most loses one first."""

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain.limits.networks import networks_of
from app.usecases.live_places import Full, LivePlaces, Place

STRANGER, BUYER = "192.0.2.1", "203.0.113.1"
STRANGERS = [f"192.0.{number}.1" for number in range(3)]
BUYERS = [f"203.{number}.113.1" for number in range(6)]
CLIENTS = [
    "192.0.2.1",
    "192.0.2.2",
    "2001:db8:1:1::/64",
    "2001:db8:1:2::/64",
    "2001:db8:1:100::/64",
    "2001:db8:2:1::/64",
    "unknown",
]


def no_ring() -> None:
    pass


def take_many(places: LivePlaces, client: str, count: int) -> list[Place]:
    taken = (places.take(client, f"{client}'s {number}", no_ring) for number in range(count))
    return [place for place in taken if place]


def test_one_client_gets_so_many_and_another_has_its_own() -> None:
    full: list[Full] = []
    places = LivePlaces(in_all=100, of_client=5, on_full=full.append)

    assert len(take_many(places, STRANGER, 50)) == 5
    assert len(take_many(places, BUYER, 5)) == 5
    assert full == [Full.CLIENT] * 45


def test_the_oldest_of_a_payment_loses_its_place_for_any_client() -> None:
    full: list[Full] = []
    rung: list[str] = []
    places = LivePlaces(of_payment=2, on_full=full.append)
    names = BUYERS[:4]

    taken = [places.take(name, "chk", lambda name=name: rung.append(name)) for name in names]  # type: ignore[misc]

    assert [place and place.gave_way for place in taken] == [True, True, False, False]
    assert (rung, full, places.taken) == (BUYERS[:2], [Full.PAYMENT] * 2, 2)


def test_a_client_with_all_its_places_moves_no_other_client_from_a_payment() -> None:
    places = LivePlaces(of_client=2, of_payment=1)
    theirs = places.take(BUYER, "chk", no_ring)
    own = places.take(STRANGER, "chk own", no_ring)
    take_many(places, STRANGER, 1)

    assert places.take(STRANGER, "chk", no_ring) is None
    assert places.take(STRANGER, "chk own", no_ring)
    assert (theirs and theirs.gave_way, own and own.gave_way) == (False, True)


def test_when_all_are_taken_the_largest_gives_its_oldest_to_whom_has_none() -> None:
    full: list[Full] = []
    places = LivePlaces(in_all=12, of_client=4, on_full=full.append)
    held = [take_many(places, stranger, 4) for stranger in STRANGERS]

    buyers = [places.take(buyer, "chk", no_ring) for buyer in BUYERS]

    assert all(buyers)
    assert [[place.gave_way for place in each] for each in held] == [[True, True, False, False]] * 3
    assert (places.taken, full) == (12, [Full.ALL] * 6)


def test_equals_take_nothing_from_each_other() -> None:
    places = LivePlaces(in_all=4)
    held = [places.take(buyer, "chk", no_ring) for buyer in BUYERS[:4]]

    assert places.take(BUYERS[4], "chk other", no_ring) is None
    assert not any(place is None or place.gave_way for place in held)


def test_who_gave_way_and_leaves_frees_nothing_twice() -> None:
    places = LivePlaces(of_payment=1)
    first = places.take(STRANGER, "chk", no_ring)
    second = places.take(BUYER, "chk", no_ring)
    assert first
    assert second

    places.leave(first)
    assert places.taken == 1
    places.leave(second)
    assert places.taken == 0


def test_a_network_of_many_clients_gets_a_multiple_and_its_largest_gives_to_its_newest() -> None:
    full: list[Full] = []
    places = LivePlaces(in_all=1000, of_client=2, on_full=full.append)
    held = [take_many(places, f"192.0.2.{number}", 2) for number in range(8)]

    newest = places.take("192.0.2.100", "chk", no_ring)
    outsider = places.take(BUYER, "chk", no_ring)

    assert newest
    assert outsider
    assert [place.gave_way for place in held[0]] == [True, False]
    assert (places.taken, full) == (17, [Full.NETWORK])


def test_when_all_hold_one_place_each_the_largest_network_gives_one_to_a_new_network() -> None:
    places = LivePlaces(in_all=20)
    strangers = [f"2001:db8:7:{number:x}::/64" for number in range(12)]
    held = [take_many(places, client, 1)[0] for client in (*strangers, *BUYERS, "unknown", BUYER)]

    newcomer = places.take("198.51.100.9", "chk", no_ring)
    equal = places.take(strangers[0], "chk other", no_ring)

    assert newcomer
    assert not equal
    assert [place.client for place in held if place.gave_way] == strangers[:1]


@given(
    acts=st.lists(
        st.tuples(st.booleans(), st.sampled_from(CLIENTS), st.integers(0, 3)),
        min_size=1,
        max_size=120,
    )
)
def test_however_clients_come_and_go_no_limit_is_passed_and_only_equals_are_refused(
    acts: Sequence[tuple[bool, str, int]],
) -> None:
    places = LivePlaces(in_all=9, of_client=2, of_payment=3)
    held: list[Place] = []
    for leaves, client, payment in acts:
        held = [place for place in held if not place.gave_way]
        if leaves and held:
            places.leave(held.pop(payment % len(held)))
        elif place := places.take(client, str(payment), no_ring):
            held.append(place)
        else:
            assert has_no_more_than_its_equals(client, sizes_of(held))
        held = [place for place in held if not place.gave_way]
        assert places.taken == len(held) <= 9
        for network, size in sizes_of(held).items():
            assert size <= 2 * multiple_of(network)
        assert max(Counter(place.payment for place in held).values(), default=0) <= 3


def sizes_of(held: Sequence[Place]) -> Counter[str]:
    return Counter(network for place in held for network in networks_of(place.client))


def multiple_of(network: str) -> int:
    prefix = network.partition("/")[2]
    return {"": 1, "64": 1, "56": 4, "48": 16, "24": 8}[prefix]


def has_no_more_than_its_equals(client: str, sizes: Counter[str]) -> bool:
    """Whether it was right to refuse: it has its own all, or no network has two more than its."""
    outermost = {networks_of(each)[-1] for each in CLIENTS}
    mine = sizes[networks_of(client)[-1]]
    return sizes[client] == 2 or max(sizes[network] for network in outermost) <= mine + 1
