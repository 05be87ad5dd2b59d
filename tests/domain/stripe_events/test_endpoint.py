"""A registered endpoint is compared with what the service needs."""

import pytest

from app.domain.stripe_events.endpoint import WebhookEndpoint, read_endpoint
from app.domain.stripe_events.registered import API_VERSION, REGISTERED_TYPES

URL = "https://checkout.shop.example/webhooks/stripe"


def endpoint(**changes: object) -> WebhookEndpoint:
    document: dict[str, object] = {
        "id": "we_1",
        "url": URL,
        "status": "enabled",
        "enabled_events": list(REGISTERED_TYPES),
        "api_version": API_VERSION,
    }
    return read_endpoint(document | changes)


@pytest.mark.parametrize(
    "types", [list(REGISTERED_TYPES), ["*"], [*REGISTERED_TYPES, "payout.paid"]]
)
def test_an_endpoint_that_gets_everything_has_no_fault(types: list[str]) -> None:
    assert endpoint(enabled_events=types).faults() == []
    assert endpoint(enabled_events=types).hints() == []


def test_missing_events_are_named() -> None:
    some = [each for each in REGISTERED_TYPES if each not in ("review.opened", "invoice.paid")]

    (fault,) = endpoint(enabled_events=some).faults()

    assert fault.startswith("is not sent invoice.paid, review.opened: ")


@pytest.mark.parametrize("value", [None, "all", {}])
def test_without_a_list_of_events_all_are_missing(value: object) -> None:
    (fault,) = endpoint(enabled_events=value).faults()

    assert all(each in fault for each in REGISTERED_TYPES)


@pytest.mark.parametrize("status", ["disabled", "of_tomorrow", None])
def test_one_that_is_not_enabled_is_a_fault(status: object) -> None:
    assert endpoint(status=status).faults() == ["is disabled: enable it in the dashboard"]


@pytest.mark.parametrize(
    ("version", "words"), [("2020-08-27", "2020-08-27"), (None, "default"), (7, "default")]
)
def test_another_version_is_a_hint(version: object, words: str) -> None:
    other = endpoint(api_version=version)

    (hint,) = other.hints()

    assert other.faults() == []
    assert words in hint
    assert API_VERSION in hint


def test_its_address_is_compared_but_for_a_final_slash() -> None:
    assert endpoint().is_at(URL + "/")
    assert endpoint(url=URL + "/").is_at(URL)
    for other in ("https://a.example/webhooks/stripe", "https://z.example/webhooks/stripe"):
        assert not endpoint().is_at(other)


@pytest.mark.parametrize(
    ("url", "is_ours"),
    [
        (URL, True),
        ("https://shop.example/pay/webhooks/stripe/", True),
        ("https://shop.example/webhooks", False),
        (None, False),
    ],
)
def test_ours_are_told_by_their_path(url: object, is_ours: bool) -> None:  # noqa: FBT001 a parameter of pytest
    assert endpoint(url=url).is_ours is is_ours
