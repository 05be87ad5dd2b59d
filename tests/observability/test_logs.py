"""What is in the log, and what never is. Each test needs a process: logging is global."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import pytest

from app.domain.ids import CHECKOUT_ID
from tests.support.builders import event, session, sign, to_body
from tests.support.wire import answer, closed_port, resets, upstream

ROOT = Path(__file__).parents[2]
SECRET = "whsec_private_of_the_log_test"
PRIVATE = {
    "ALTAN_ACCOUNT_ID": "private-altan-account",
    "ALTAN_STRIPE_CONNECT_ID": "acct_private0log",
    "STRIPE_WEBHOOK_SECRETS": SECRET,
    "STRIPE_API_KEY": "rk_live_private",
}
BUYER = "buyer@private.example"

LOGS_A_DEFECT = """
from app.observability.logs import configure_logging
import logging, structlog
configure_logging(level="info", for_people={for_people})
log = structlog.get_logger()
def fail(body, secret):
    raise KeyError("defect")
try:
    fail("body_of_a_request", "whsec_" + "private")
except KeyError:
    log.exception("internal_error", request_id="req-1")
log.debug("too quiet")
logging.getLogger("uvicorn.error").warning("a line of the library")
logging.getLogger("httpx").info("POST https://pay.altan.ai/private")
"""


def environment(**more: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in {"PATH", "HOME", "SYSTEMROOT", "LANG"}
    }
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def logged(*, for_people: bool) -> str:
    ended = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", LOGS_A_DEFECT.format(for_people=for_people)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stderr == ""
    return ended.stdout


def test_every_line_is_one_json_object_with_level_and_time() -> None:
    lines = [orjson.loads(line) for line in logged(for_people=False).splitlines()]

    assert [line["event"] for line in lines] == ["internal_error", "a line of the library"]
    assert [line["level"] for line in lines] == ["error", "warning"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert lines[0]["request_id"] == "req-1"
    assert "KeyError: 'defect'" in lines[0]["exception"]


@pytest.mark.parametrize("for_people", [False, True])
def test_a_traceback_shows_where_and_never_with_which_values(
    for_people: bool,  # noqa: FBT001 a test's parameter
) -> None:
    output = logged(for_people=for_people)

    assert "internal_error" in output
    assert "KeyError" in output
    assert "whsec_private" not in output
    assert "'body_of_a_request'" not in output.replace('fail("body_of_a_request"', "")


@pytest.mark.parametrize("for_people", [False, True])
def test_lines_that_hold_our_ids_are_left_out(
    for_people: bool,  # noqa: FBT001 a test's parameter
) -> None:
    output = logged(for_people=for_people)

    assert "pay.altan.ai" not in output
    assert "too quiet" not in output
    assert "a line of the library" in output


async def talk_to(url: str) -> str:
    """One of each kind of request, with private things in all of them; the checkout's id."""
    cart = {
        "line_items": [{"price": "price_A", "quantity": 1}],
        "client_reference_id": "private-reference",
        "success_url": "https://shop.example/?private=1",
    }
    paid = to_body(event(subject=session(customer_details={"email": BUYER})))
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as client:
        started = await client.post("/checkout", json=cart)
        await client.post("/checkout", json=cart)
        await client.post("/checkout", content=b'{"private":', headers={"X-Request-Id": "req-bad1"})
        signed = {"Stripe-Signature": sign(paid, secret=SECRET)}
        await client.post("/webhooks/stripe", content=paid, headers=signed)
        await client.post("/webhooks/stripe", content=paid, headers={"Stripe-Signature": "t=1"})
        await client.get(started.json()["status_url"], headers={"Cookie": "private=1"})
    return str(started.json()["checkout_id"])


async def wait_until_it_serves(process: asyncio.subprocess.Process, url: str) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None:
            try:
                await client.get(f"{url}/health/live")
            except httpx.TransportError:
                await asyncio.sleep(0.02)
            else:
                return
    raise AssertionError("it ended before it served")


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM is a POSIX affair")
async def test_of_a_whole_day_the_log_has_no_body_no_secret_and_ids_with_a_status_alone(
    tmp_path: Path, database_path: Path, unused_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    page = answer(b'{"url": "https://checkout.stripe.com/c/pay/cs_test_private"}')

    async with upstream(page, resets) as altan_pay:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "app", "serve", "--port", str(unused_port)),
            cwd=tmp_path,
            env=environment(
                **PRIVATE,
                APP_URL="https://shop.example",
                ALTAN_PAY_URL=altan_pay.url,
                DATABASE_URL=f"sqlite:///{database_path}",
            ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        await wait_until_it_serves(process, url)
        checkout_id = await talk_to(url)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            stdout, stderr = await process.communicate()

    assert process.returncode in {0, -signal.SIGTERM, 128 + signal.SIGTERM}
    assert stderr == b""
    log = stdout.decode()
    lines = [orjson.loads(line) for line in log.splitlines()]
    assert {"started", "stopped", "request", "altan_pay_call_failed", "webhook_not_taken"} <= {
        line["event"] for line in lines
    }
    assert any(line.get("request_id") == "req-bad1" for line in lines)
    for secret in (*PRIVATE.values(), BUYER, "private"):
        assert secret not in log
    (status,) = [line for line in lines if line["event"] == "payment_status"]
    assert (status["before"], status["after"]) == ("open", "paid")
    others = "\n".join(line for line in log.splitlines() if "payment_status" not in line)
    assert checkout_id not in others
    assert "cs_test_" not in others
    assert CHECKOUT_ID.search(others) is None
    assert altan_pay.url not in log


@pytest.fixture
def unused_port() -> int:
    return closed_port()


LOGS_WHAT_A_STRANGER_WROTE = """
from app.observability.logs import configure_logging
import logging, structlog
configure_logging(level="info", for_people={for_people})
HIDDEN = "evil" + chr(0x1b) + "[2J" + chr(0x9b) + "31m" + chr(0x202e) + chr(0x2066) + chr(10) + "x"
log = structlog.get_logger()
log.warning("alert", words=HIDDEN, many=[HIDDEN])
logging.getLogger("library").warning(HIDDEN)
try:
    raise ValueError(HIDDEN)
except ValueError:
    log.exception("internal_error")
"""


@pytest.mark.parametrize("for_people", [True, False])
def test_nothing_that_strangers_wrote_commands_the_terminal(*, for_people: bool) -> None:
    ended = subprocess.run(  # noqa: S603 our own code
        [sys.executable, "-c", LOGS_WHAT_A_STRANGER_WROTE.format(for_people=for_people)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.count("evil") >= 4
    assert [c for c in ended.stdout if not c.isprintable() and c != "\n"] == []
    assert "\\u202e" in ended.stdout
