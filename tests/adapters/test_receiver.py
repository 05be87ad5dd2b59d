"""What a receiver is sent: signed for each secret, with a header of its owner's."""

import asyncio
import base64
import time

import pytest
from standardwebhooks.webhooks import Webhook

from app.adapters.http_transport import AiohttpTransport
from app.adapters.posts import CheckedResolver, Posts
from app.adapters.receiver import Receiver
from app.adapters.system import SystemClock
from app.domain.notifications.tries import Answer
from tests.support.wire import Request, answer, upstream

KEYS = (b"n" * 32, b"o" * 24)


async def sent(auth_header: str | None = None, words: str = "a") -> Request:
    transport = AiohttpTransport(resolver=CheckedResolver())
    async with upstream(answer(b"")) as server:
        receiver = Receiver(
            Posts(f"{server.url}/hook", transport=transport, clock=SystemClock()),
            keys=KEYS,
            auth_header=auth_header,
            clock=SystemClock(),
            version="1.2.3",
        )
        assert await receiver.post("msg_1", {"a": words}) == Answer(status=200)
        await transport.aclose()
    (request,) = server.requests
    return request


@pytest.mark.parametrize("key", KEYS)
async def test_a_receiver_with_one_of_the_secrets_can_verify_it(key: bytes) -> None:
    request = await sent(words="\N{SNOWMAN}")

    secret = f"whsec_{base64.b64encode(key).decode()}"
    assert Webhook(secret).verify(request.body, request.headers) == {"a": "\N{SNOWMAN}"}


async def test_half_an_emoji_in_a_buyers_text_is_replaced_and_signed() -> None:
    request = await sent(words="thank you \ud83d")

    secret = f"whsec_{base64.b64encode(KEYS[0]).decode()}"
    assert Webhook(secret).verify(request.body, request.headers) == {"a": "thank you \ufffd"}


async def test_it_says_who_sends_and_what() -> None:
    headers = (await sent()).headers

    assert headers["webhook-id"] == "msg_1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"] == "altan-checkout/1.2.3"
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("auth_header", "name", "value"),
    [("X-Key: a b", "x-key", "a b"), ("User-Agent: mine", "user-agent", "mine")],
)
async def test_a_header_of_the_owners_is_sent_once(auth_header: str, name: str, value: str) -> None:
    assert (await sent(auth_header)).headers[name] == value


async def test_tries_at_once_do_not_wait_for_each_other() -> None:
    requests = await asyncio.gather(*(sent() for _ in range(3)))

    assert {request.body for request in requests} == {b'{"a":"a"}'}
