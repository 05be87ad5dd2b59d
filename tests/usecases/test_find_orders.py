"""How an operator finds orders."""

import pytest

from app.databases import AnyDatabase
from app.usecases.find_orders import ORDERS_MAX, FindOrders, FoundOrders, Searched
from tests.support.builders import CHECKOUT_ID, SESSION_ID, FixedClock, event, session
from tests.support.flag_shop import numbered
from tests.support.recording import NOW_MS, keep, prune, record
from tests.support.stripe_objects import charge

OTHER_ID = "cs_test_b2"


@pytest.fixture
async def find(database: AnyDatabase) -> FindOrders:
    """An order of ours with a number, and one that another program started."""
    await keep(database, numbered(client_reference_id="order-42"))
    ann = {"email": "Ann+1@Example.com", "name": "Ann"}
    other = session(
        id=OTHER_ID,
        payment_intent="pi_2",
        client_reference_id="order 7",
        customer_details={"email": "jürgen@example.com"},
        created=1,
    )
    await record(
        database,
        event(id="evt_1", subject=session(customer_details=ann)),
        event("charge.succeeded", charge(), id="evt_2"),
        event(id="evt_3", subject=other),
    )
    return FindOrders(database=database)


def ids(found: FoundOrders) -> list[str]:
    return [order.id for order in found.orders]


@pytest.mark.parametrize(
    ("text", "found", "searched"),
    [
        ("order-42", [CHECKOUT_ID], []),
        ("order 7", [OTHER_ID], []),
        (f"  {CHECKOUT_ID}\n", [CHECKOUT_ID], [Searched.CHECKOUT]),
        (SESSION_ID, [CHECKOUT_ID], [Searched.SESSION]),
        (OTHER_ID, [OTHER_ID], [Searched.SESSION]),
        ("pi_1", [CHECKOUT_ID], [Searched.STRIPE_OBJECT]),
        ("pi_2", [OTHER_ID], [Searched.STRIPE_OBJECT]),
        ("ch_1", [CHECKOUT_ID], [Searched.STRIPE_OBJECT]),
        ("ann+1@example.com", [CHECKOUT_ID], [Searched.EMAIL]),
        ("ANN+1@EXAMPLE.COM", [CHECKOUT_ID], [Searched.EMAIL]),
        ("JÜRGEN@example.com", [OTHER_ID], [Searched.EMAIL]),
        ("order-4", [], []),
        ("ORDER-42", [], []),
        ("pi_", [], []),
        ("1@example.com", [], [Searched.EMAIL]),
        ("example.com", [], []),
        ("@", [], [Searched.EMAIL]),
        ("%@example.com", [], [Searched.EMAIL]),
        ("chk_" + "0" * 36, [], [Searched.CHECKOUT]),
        ("cs_test_unknown", [], [Searched.SESSION]),
        ("order-42\x00", [], []),
    ],
)
async def test_an_exact_text_finds_its_orders(
    find: FindOrders, text: str, found: list[str], searched: list[Searched]
) -> None:
    answer = await find(text)

    assert ids(answer) == found
    assert answer.searched == (Searched.ORDER_NUMBER, *searched)
    assert not answer.has_more


async def test_an_address_that_the_shop_told_stripe_is_found(database: AnyDatabase) -> None:
    told = session(customer_email="bob@example.com", payment_status="unpaid")
    await record(database, event("checkout.session.expired", told))

    assert ids(await FindOrders(database=database)("Bob@example.com")) == [SESSION_ID]


async def test_another_persons_address_in_an_order_is_not_its_buyers(
    database: AnyDatabase,
) -> None:
    await record(database, event(subject=session(metadata={"gift_for": "bob@example.com"})))

    assert ids(await FindOrders(database=database)("bob@example.com")) == []


async def test_an_address_of_a_forgotten_body_is_not_found(
    find: FindOrders, database: AnyDatabase
) -> None:
    await prune(database, 3)

    answer = await find("ann+1@example.com")

    assert ids(answer) == []
    assert answer.bodies is not None
    assert (answer.bodies.looked_at, answer.bodies.since_ms) == (0, None)


async def test_a_search_by_address_is_bounded_and_says_how_far_it_went(
    database: AnyDatabase,
) -> None:
    clock = FixedClock()
    for number in range(3):
        buyer = {"email": f"buyer-{number}@example.com"}
        subject = session(id=f"cs_test_{number}", payment_intent=None, customer_details=buyer)
        await record(database, event(id=f"evt_{number}", subject=subject), clock=clock)
        clock.ms += 1000
    find = FindOrders(database=database, bodies_max=2)

    oldest, latest = await find("buyer-0@example.com"), await find("buyer-1@example.com")
    whole = await FindOrders(database=database, bodies_max=4)("buyer-0@example.com")

    assert (ids(oldest), ids(latest), ids(whole)) == ([], ["cs_test_1"], ["cs_test_0"])
    bodies = [oldest.bodies, whole.bodies]
    assert [(each.looked_at, each.since_ms, each.is_complete) for each in bodies if each] == [
        (2, NOW_MS + 1000, False),
        (3, NOW_MS, True),
    ]


async def test_the_latest_orders_of_many_are_shown(database: AnyDatabase) -> None:
    documents = [
        event(
            id=f"evt_{number}",
            subject=session(
                id=f"cs_test_{number}",
                payment_intent=None,
                client_reference_id="again",
                created=1_700_000_000 + number,
            ),
        )
        for number in range(ORDERS_MAX + 1)
    ]
    await record(database, *documents)

    found = await FindOrders(database=database)("again")

    assert ids(found) == [f"cs_test_{number}" for number in range(ORDERS_MAX, 0, -1)]
    assert found.has_more
