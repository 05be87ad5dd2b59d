"""The subscription in the status object."""

from collections.abc import Sequence

import pytest

from tests.support.builders import NOW_S, SESSION_ID, Document, Service, event, session
from tests.support.stripe_objects import invoice, listing, subscription

SUBSCRIBED = event(
    id="evt_session",
    subject=session(mode="subscription", payment_intent=None, subscription="sub_1", invoice="in_1"),
)


def told(name: str, **changes: object) -> Document:
    created = int(str(changes.pop("created", NOW_S)))
    return event(
        f"customer.subscription.{name}",
        subscription(**changes),
        id=f"evt_{name}_{created}",
        created=created,
    )


async def shown(local_service: Service, documents: Sequence[Document]) -> Document:
    for document in documents:
        assert (await local_service.deliver(document)).status_code == 200
    document = (await local_service.client.get(f"/checkout/{SESSION_ID}")).json()
    assert isinstance(document, dict)
    return document


async def test_who_pays_once_has_no_such_key(local_service: Service) -> None:
    assert "subscription" not in await shown(local_service, [event()])


async def test_before_anything_is_known_of_it_it_is_null(local_service: Service) -> None:
    nameless = session(mode="subscription", subscription=None, payment_status="unpaid")

    assert (await shown(local_service, [event(subject=nameless)]))["subscription"] is None


async def test_before_its_own_events_have_come_its_id_is_all_there_is(
    local_service: Service,
) -> None:
    assert (await shown(local_service, [SUBSCRIBED]))["subscription"] == {
        "id": "sub_1",
        "status": None,
        "current_period_end": None,
        "cancel_at": None,
        "cancel_at_period_end": None,
    }


@pytest.mark.parametrize("is_session_last", [False, True])
async def test_its_latest_state_is_shown_in_any_order(
    local_service: Service, *, is_session_last: bool
) -> None:
    own = [
        told("updated", status="past_due", cancel_at_period_end=True, created=NOW_S + 9),
        told("created", status="incomplete"),
    ]
    order = [*own, SUBSCRIBED] if is_session_last else [SUBSCRIBED, *own]

    document = await shown(local_service, order)

    assert document["status"] == "paid"
    assert document["subscription"] == {
        "id": "sub_1",
        "status": "past_due",
        "current_period_end": "2025-11-08T08:53:20.000Z",
        "cancel_at": None,
        "cancel_at_period_end": True,
    }


async def test_one_that_is_over_stays_over(local_service: Service) -> None:
    ended = told("deleted", status="canceled", created=NOW_S + 5)
    late = told("updated", status="active", created=NOW_S + 9)

    document = await shown(local_service, [SUBSCRIBED, ended, late])

    assert document["subscription"]["status"] == "canceled"


async def test_the_period_of_the_older_api_is_shown(local_service: Service) -> None:
    older = told("updated", current_period_end=NOW_S, items=listing({"id": "si_1"}))

    document = await shown(local_service, [SUBSCRIBED, older])

    assert document["subscription"]["current_period_end"] == "2025-10-09T08:53:20.000Z"


async def test_a_renewal_changes_nothing_of_what_was_paid(local_service: Service) -> None:
    renewal = invoice(id="in_2", billing_reason="subscription_cycle", amount_paid=1)

    document = await shown(
        local_service, [SUBSCRIBED, event("invoice.paid", renewal, id="evt_renewal")]
    )

    assert (document["status"], document["amount_total"]) == ("paid", 1999)


async def test_a_change_of_it_changes_the_tag(local_service: Service) -> None:
    await shown(local_service, [SUBSCRIBED])
    path = f"/checkout/{SESSION_ID}"
    before = (await local_service.client.get(path)).headers["etag"]

    await local_service.deliver(told("created"))
    answer = await local_service.client.get(path, headers={"If-None-Match": before})

    assert answer.status_code == 200
    assert answer.json()["subscription"]["status"] == "active"
