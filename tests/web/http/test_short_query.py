from pathlib import Path

import pytest

from app.web.http.short_query import QUERY_BYTES_MAX, query_of
from tests.support.builders import CHECKOUT_ID, service_in_process, settings
from tests.support.success_shop import get
from tests.web.api.test_status import keep_checkout

LONG = "a&" * 15_000


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (b"", []),
        (b"wait=5", [("wait", "5")]),
        (b"wait=5" + b"&" * (QUERY_BYTES_MAX - 6), [("wait", "5")]),
        (b"wait=5" + b"&" * (QUERY_BYTES_MAX - 5), []),
    ],
    ids=["none", "short", "longest", "too long"],
)
def test_a_query_that_is_longer_than_any_of_ours_is_not_read(
    query: bytes, found: list[tuple[str, str]]
) -> None:
    assert query_of({"type": "http", "query_string": query}).multi_items() == found


async def test_public_addresses_ignore_such_a_query(database_path: Path) -> None:
    async with service_in_process(settings(database_path.parent)) as service:
        keep_checkout(service.database_path)
        status = await get(service, f"{CHECKOUT_ID}?{LONG}wait=nonsense")
        page = await get(service, f"{CHECKOUT_ID}/page?{LONG}lang=de")
        entry = await get(service, f"page?{LONG}checkout_id={CHECKOUT_ID}")

    assert (status.status_code, page.status_code, entry.status_code) == (200, 200, 404)
    assert 'lang="en"' in page.text
