"""Notifications are stored only if somebody can read them."""

from pathlib import Path

import pytest

from tests.support.builders import Document, event, query, service_in_process, settings
from tests.support.orders import ADMIN_TOKEN, TOKEN

NOTIFY: Document = {
    "notify_url": "http://127.0.0.1:9/",
    "notify_secrets": ["whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="],
}
TABLE: Document = {
    "orders_table_url": "http://127.0.0.1:9/checkout_orders",
    "orders_table_key": "key",
}


@pytest.mark.parametrize(
    ("changes", "deliveries"),
    [
        ({}, []),
        ({"api_tokens": [TOKEN]}, ["unposted"]),
        ({"admin_api_token": ADMIN_TOKEN}, ["unposted"]),
        (TABLE, ["unposted"]),
        (NOTIFY, ["unposted"]),  # posted only with NOTIFY_FOREIGN: the session is not ours
        (NOTIFY | {"notify_foreign": True}, ["waiting"]),
    ],
    ids=[
        "nobody",
        "a shop's server",
        "operators",
        "an orders table",
        "a receiver",
        "a receiver of all",
    ],
)
async def test_they_are_stored_if_somebody_can_read_them(
    tmp_path: Path, changes: Document, deliveries: list[str]
) -> None:
    async with service_in_process(settings(tmp_path, **changes)) as service:
        await service.deliver(event())
        rows = query(service.database_path, "SELECT delivery FROM notifications")

    assert [row["delivery"] for row in rows] == deliveries
