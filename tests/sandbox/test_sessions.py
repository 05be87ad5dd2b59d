import orjson

from sandbox.altan_pay.orders import parse_order
from sandbox.stripe.sessions import Session, Sessions
from tests.support.sandbox.local_servers import order_body


def a_session(session_id: str, success_url: str = "https://shop.test/") -> Session:
    order = parse_order(orjson.dumps(order_body(success_url=success_url)))
    return Session(id=session_id, fragment="fid1", order=order, created=1)


def test_the_literal_placeholder_is_filled_in_everywhere_in_the_url() -> None:
    url = (
        "https://{CHECKOUT_SESSION_ID}.shop.test/{CHECKOUT_SESSION_ID}?s={CHECKOUT_SESSION_ID}#{x}"
    )

    session = a_session("cs_test_1", url)

    assert session.return_url == "https://cs_test_1.shop.test/cs_test_1?s=cs_test_1#{x}"


def test_a_percent_encoded_placeholder_is_left_alone() -> None:
    url = "https://shop.test/?s=%7BCHECKOUT_SESSION_ID%7D"

    assert a_session("cs_test_1", url).return_url == url


def test_only_the_latest_sessions_are_kept_and_listed_newest_first() -> None:
    sessions = Sessions(limit=2)

    for session_id in ("cs_test_1", "cs_test_2", "cs_test_3"):
        sessions.put(a_session(session_id))

    assert sessions.get("cs_test_1") is None
    assert [session.id for session in sessions] == ["cs_test_3", "cs_test_2"]
