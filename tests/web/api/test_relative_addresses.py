"""Answers use relative URLs, because a proxy may serve the service below a path.

The way through a real browser is in tests/e2e/test_prefix.py.
"""

import re
from urllib.parse import urljoin

import pytest

from tests.support.builders import CHECKOUT_ID, SESSION_ID, Service
from tests.web.api.test_status import keep_checkout

PAGE = {"Accept": "text/html"}
PLACES = [
    *("/checkout.js", "/checkout.d.ts", "/checkout.0000000000000000.js", "/checkout/page.js"),
    *("/docs", "/health/live", "/health/ready", "/nowhere", "/checkout/", "/webhooks/stripe/"),
    *(
        f"/checkout/page?checkout_id={CHECKOUT_ID}&lang=de",
        f"/checkout/page?session_id={SESSION_ID}",
    ),
    *(f"/checkout/{CHECKOUT_ID}", f"/checkout/{CHECKOUT_ID}/page", "/checkout/chk_unknown/page"),
]
FROM_THE_ROOT = re.compile(r"""(?:href|src|action|url|from|import)\s*[=:(]?\s*["']?/""")


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("headers", [{}, PAGE])
async def test_no_answer_names_an_address_from_the_root(
    local_service: Service, path: str, headers: dict[str, str]
) -> None:
    keep_checkout(local_service.database_path)

    answer = await local_service.client.get(path, headers=headers)

    for name in ("location", "content-location", "refresh", "link"):
        assert not answer.headers.get(name, "").startswith("/"), name
    if not path.endswith(".d.ts"):
        assert not FROM_THE_ROOT.findall(answer.text)


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/checkout.0000000000000000.js", "/checkout.js"),
        (f"/checkout/page?checkout_id={CHECKOUT_ID}", f"/checkout/{CHECKOUT_ID}/page"),
    ],
)
async def test_a_redirect_leads_to_the_same_place_below_any_path(
    local_service: Service, path: str, leads_to: str
) -> None:
    answer = await local_service.client.get(path)

    for prefix in ("", "/pay", "/a/b"):
        seen = f"https://shop.example{prefix}{path}"
        assert (
            urljoin(seen, answer.headers["location"]) == f"https://shop.example{prefix}{leads_to}"
        )
