import asyncio
import gzip
import json
import random
import resource
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from app.adapters.database.sqlite.database import SqliteDatabase
from app.adapters.stripe_signature import StripeSignatures
from app.adapters.system import SystemClock
from app.domain.stripe_events.event import EventFilter
from app.observability.metrics import Metrics
from app.observability.request_log import RequestLog
from app.observability.webhooks import WebhookReport
from app.usecases.inbox import Inbox
from app.usecases.record_events import RecordEvents
from app.usecases.storage import Database, Transaction
from app.web.api.webhooks import WebhookEndpoint
from app.web.pages.pages import Pages
from app.web.problems import Problems
from tests.support.builders import (
    ACCOUNT,
    BOUND_BY_FILE_MODES,
    DEADLINE_S,
    SECRET,
    SESSION_ID,
    Document,
    Service,
    ServiceProcess,
    SilentAlarm,
    event,
    in_process,
    query,
    real_events,
    running_process,
    service_in_process,
    serving,
    session,
    settings,
    sign,
    thin_event,
    to_body,
)

T = TypeVar("T")

PATHS = ["/webhooks/stripe", "/webhooks/stripe/"]
BODY_BYTES_MAX = 1024 * 1024


@dataclass(slots=True)
class FailingCommits:
    """A real database that writes everything, and then cannot commit it while `failing`."""

    database: SqliteDatabase
    failing: bool = True
    commits: int = 0

    async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
        async def sabotaged(transaction: Transaction) -> T:
            return await act(cast("Transaction", _Sabotaged(transaction, self)))

        return await self.database.write(sabotaged)


@dataclass(slots=True)
class _Sabotaged:
    transaction: Transaction
    by: FailingCommits

    def __getattr__(self, name: str) -> object:
        return getattr(self.transaction, name)

    async def commit(self) -> None:
        self.by.commits += 1
        if self.by.failing:
            raise sqlite3.OperationalError("disk I/O error")
        await self.transaction.commit()


def webhooks_over(database: Database, *, body_timeout_s: float = DEADLINE_S) -> ASGIApp:
    """The webhook's endpoint alone, over a database of the test's choice."""
    clock, metrics = SystemClock(), Metrics()
    endpoint = WebhookEndpoint(
        signatures=StripeSignatures([SECRET], tolerance_s=300, clock=clock),
        event_filter=EventFilter(ACCOUNT, livemode=None),
        inbox=Inbox(
            RecordEvents(
                database=database, clock=clock, alarm=SilentAlarm(), on_change=lambda _: None
            )
        ),
        problems=Problems(Pages(shop_url="https://shop.example")),
        report=WebhookReport(metrics, SilentAlarm()),
        see=lambda _kind, _reason, _body: None,
        body_timeout_s=body_timeout_s,
    )
    return RequestLog(Starlette(routes=[Mount("/", endpoint)]), metrics)


@asynccontextmanager
async def serving_webhooks(app: ASGIApp, database_path: Path) -> AsyncIterator[Service]:
    async with serving(app) as client:
        yield Service(client, database_path)


@pytest.fixture
async def endpoint(database: SqliteDatabase, database_path: Path) -> AsyncIterator[Service]:
    """The endpoint without a socket, for what no socket can change."""
    async with in_process(webhooks_over(database)) as client:
        yield Service(client, database_path)


@pytest.fixture
async def process(database_path: Path) -> AsyncIterator[ServiceProcess]:
    async with running_process(database_path.parent, BOUND_BY_FILE_MODES) as process:
        yield process


def set_modes(database_path: Path, mode: int) -> None:
    """Also of the log and the index beside it, which SQLite makes with the database's mode."""
    for path in database_path.parent.glob(f"{database_path.name}*"):
        path.chmod(mode)


def is_writable(path: Path) -> bool:
    """Whether its mode lets anybody write, whoever asks."""
    return path.stat().st_mode & 0o222 != 0


def event_ids(service: Service) -> list[str]:
    return [row["id"] for row in query(service.database_path, "SELECT id FROM events ORDER BY id")]


def has_problem(answer: httpx.Response, status: int, code: str) -> bool:
    """Whether `answer` is a problem document of this kind, whole and consistent."""
    document = answer.json()
    return (
        answer.status_code == document["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and document["code"] == code
        and document["type"] == f"urn:altan-checkout:error:{code}"
        and document["request_id"] == answer.headers["x-request-id"]
        and set(document) == {"type", "title", "status", "detail", "code", "request_id"}
    )


async def raw_exchange(service: Service, *parts: bytes) -> bytes:
    """What the service answers to these very bytes, up to where it hangs up."""
    reader, writer = await asyncio.open_connection(*service.address)
    for part in parts:
        writer.write(part)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE_S)
    finally:
        writer.close()
        await writer.wait_closed()


def signed() -> str:
    """A header that only the body can prove wrong."""
    return f"Stripe-Signature: {sign(b'another body')}"


def head(*headers: str) -> bytes:
    lines = ["POST /webhooks/stripe HTTP/1.1", "Host: service.test", *headers, "", ""]
    return "\r\n".join(lines).encode()


async def webhooks_counted(service: Service) -> dict[str, float]:
    text = (await service.client.get("/metrics")).text
    prefix = 'altan_checkout_webhooks_total{outcome="'
    counted = [line.removeprefix(prefix) for line in text.splitlines() if line.startswith(prefix)]
    return {name: float(value) for name, value in (line.split('"} ') for line in counted)}


# --- what is taken


@pytest.mark.parametrize("path", PATHS)
async def test_an_event_is_recorded_without_a_redirect(service: Service, path: str) -> None:
    answer = await service.deliver(event(), path=path)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert event_ids(service) == ["evt_1"]


async def test_an_event_that_comes_again_is_a_duplicate(local_service: Service) -> None:
    await local_service.deliver(event())

    answer = await local_service.deliver(event())

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"duplicate","reason":null}'
    assert event_ids(local_service) == ["evt_1"]


async def test_the_very_bytes_that_were_signed_are_kept(local_service: Service) -> None:
    body = to_body(event()).replace(b": ", b" :\t") + b"\r\n  "

    answer = await local_service.deliver(body)

    assert answer.status_code == 200
    assert query(local_service.database_path, "SELECT payload FROM events") == [{"payload": body}]


async def test_what_stripe_was_promised_is_visible_at_once(service: Service) -> None:
    for n in range(10):
        id_ = f"cs_test_{n}"
        await service.deliver(event(id=f"evt_{n}", subject=session(id=id_)))

        status = await service.client.get(f"/checkout/{id_}")

        assert status.json()["status"] == "paid"


@pytest.mark.parametrize(
    "document",
    [event("a.type.that.nobody.knows", {"id": "x_1"}), thin_event(), event("x", {"get": 1})],
    ids=lambda document: str(document["type"]),
)
async def test_an_event_of_any_type_is_recorded(endpoint: Service, document: Document) -> None:
    answer = await endpoint.deliver(document)

    assert answer.json()["outcome"] == "recorded"
    assert event_ids(endpoint) == [document["id"]]


async def test_an_event_that_we_cannot_fold_is_safe_and_is_not_sent_again(
    endpoint: Service,
) -> None:
    answer = await endpoint.deliver(event(subject=session(payment_status="unforeseen")))

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert query(endpoint.database_path, "SELECT state FROM events") == [{"state": "failed"}]


async def test_each_secret_of_the_settings_is_taken(database_path: Path) -> None:
    both = settings(database_path.parent, stripe_webhook_secrets=["whsec_before_it", SECRET])
    async with service_in_process(both) as service:
        answers = [
            await service.deliver(event(id="evt_1"), secret="whsec_before_it"),
            await service.deliver(event(id="evt_2")),
        ]

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_all_real_events_in_disorder_and_twice_are_recorded_once(service: Service) -> None:
    """Many of the real bodies share an id; here each gets one of its own."""
    documents = [json.loads(path.read_bytes()) for path in real_events()]
    bodies = [to_body(document | {"id": f"evt_{n}"}) for n, document in enumerate(documents)] * 2
    random.Random(71).shuffle(bodies)  # noqa: S311 the same disorder every time
    sixteen = asyncio.Semaphore(16)

    async def deliver(body: bytes) -> httpx.Response:
        async with sixteen:
            return await service.deliver(body)

    answers = await asyncio.gather(*(deliver(body) for body in bodies))

    assert {answer.status_code for answer in answers} == {200}
    outcomes = [answer.json()["outcome"] for answer in answers]
    assert (outcomes.count("recorded"), outcomes.count("duplicate")) == (71, 71)
    assert event_ids(service) == sorted(f"evt_{n}" for n in range(71))


# --- what is not ours


@pytest.mark.parametrize("livemode", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
async def test_only_events_of_the_wanted_mode_are_recorded(
    database_path: Path,
    wanted: bool,  # noqa: FBT001 a column of the table
    livemode: bool,  # noqa: FBT001 a column of the table
) -> None:
    ours = settings(database_path.parent, stripe_livemode=wanted)
    async with service_in_process(ours) as service:
        answer = await service.deliver(event(livemode=livemode))

        assert answer.status_code == 200
        if livemode is wanted:
            assert answer.json()["outcome"] == "recorded"
            assert event_ids(service) == ["evt_1"]
        else:
            assert answer.content == (
                b'{"event_id":"evt_1","outcome":"ignored","reason":"other_mode"}'
            )
            assert event_ids(service) == []


@pytest.mark.parametrize("livemode", [True, False])
async def test_without_the_setting_both_modes_are_recorded(
    local_service: Service,
    livemode: bool,  # noqa: FBT001 a column of the table
) -> None:
    answer = await local_service.deliver(event(livemode=livemode))

    assert answer.json()["outcome"] == "recorded"


@pytest.mark.parametrize(
    "document", [event(account="acct_other"), thin_event(id="evt_1", context="acct_other")]
)
async def test_an_event_of_another_account_changes_nothing(
    endpoint: Service, document: Document
) -> None:
    answer = await endpoint.deliver(document)

    assert answer.status_code == 200
    assert answer.content == b'{"event_id":"evt_1","outcome":"ignored","reason":"other_account"}'
    assert event_ids(endpoint) == []
    assert query(endpoint.database_path, "SELECT * FROM payments") == []


async def test_an_event_that_names_our_account_is_recorded(endpoint: Service) -> None:
    answer = await endpoint.deliver(event(account=ACCOUNT))

    assert answer.json()["outcome"] == "recorded"


# --- what is refused


async def test_without_a_signature_nothing_is_taken(endpoint: Service) -> None:
    answer = await endpoint.client.post("/webhooks/stripe", content=to_body(event()))

    assert has_problem(answer, 400, "signature_missing")
    assert event_ids(endpoint) == []


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"garbage",
        sign(to_body(event()), secret="whsec_of_somebody_else").encode(),
        sign(b"{}").encode(),
        sign(to_body(event()), at_s=1).encode(),
        sign(to_body(event()), at_s=10**10).encode(),
        sign(to_body(event())).encode() + b"\xe9",
        sign(to_body(event())).encode() + b",v1=x" * 5_000,
    ],
    ids=["empty", "garbage", "forged", "other body", "stale", "future", "not ascii", "flood"],
)
async def test_a_signature_that_proves_nothing_is_refused(
    endpoint: Service, signature: bytes
) -> None:
    headers = httpx.Headers([(b"Stripe-Signature", signature)])

    answer = await endpoint.client.post(
        "/webhooks/stripe", content=to_body(event()), headers=headers
    )

    assert has_problem(answer, 400, "signature_invalid")
    assert event_ids(endpoint) == []


async def test_a_signature_that_is_not_ascii_is_refused_over_a_socket_too(
    service: Service,
) -> None:
    answer = await raw_exchange(
        service, head("Content-Length: 2", "Connection: close", "Stripe-Signature: t=1,v1=é"), b"{}"
    )

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"signature_invalid" in answer


async def test_two_signatures_are_refused_even_where_both_are_right(local_service: Service) -> None:
    signature = sign(to_body(event()))

    answer = await local_service.client.post(
        "/webhooks/stripe",
        content=to_body(event()),
        headers=[("Stripe-Signature", signature), ("Stripe-Signature", signature)],
    )

    assert has_problem(answer, 400, "signature_invalid")


@pytest.mark.parametrize(
    "body",
    [gzip.compress(to_body(event())), json.dumps(event()).encode("utf-16"), b"\xff"],
    ids=["gzip", "utf-16", "0xff"],
)
async def test_a_body_that_is_not_utf_8_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert has_problem(answer, 400, "signature_invalid")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{'id': 1}",
        b"NaN",
        b'{"id": Infinity}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        to_body(event()) + b"x",
    ],
    ids=lambda body: body[:12].decode("ascii", "replace"),
)
async def test_a_signed_body_that_is_not_json_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert has_problem(answer, 400, "invalid_json")


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b'{"id":"\\ud800"}',
        b"[]",
        b'"x"',
        b"1",
        b"true",
        b"{}",
        b"[" * 400 + b"]" * 400,
        b'{"get": 1, "items": 2}',
        to_body({name: value for name, value in event().items() if name != "id"}),
        to_body(event(id=7)),
        to_body(event(type=None)),
        to_body(event(data=None)),
        to_body(event(data={"object": None})),
        to_body(event(object="charge")),
        to_body(event(livemode="false")),
        to_body(event(account=7)),
        to_body(event(created=-1)),
        b'{"id":"evt_1","type":"t","object":"event","created":1e999,"data":{"object":{}}}',
    ],
    ids=lambda body: body[:24].decode("ascii", "replace"),
)
async def test_a_signed_body_that_is_no_event_is_refused(endpoint: Service, body: bytes) -> None:
    answer = await endpoint.deliver(body)

    assert answer.json()["code"] in {"invalid_event", "invalid_json"}
    assert has_problem(answer, 400, answer.json()["code"])
    assert event_ids(endpoint) == []


async def test_an_event_that_is_nested_deeply_is_recorded(endpoint: Service) -> None:
    deep = b"[" * 400 + b"]" * 400
    body = to_body(event("x", {"deep": "HERE"})).replace(b'"HERE"', deep)

    answer = await endpoint.deliver(body)

    assert answer.json()["outcome"] == "recorded"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
    max_leaves=5,
)


@given(st.binary() | st.builds(to_body, ANY_JSON))
def test_whatever_is_signed_but_no_event_gets_its_400(body: bytes) -> None:
    app = webhooks_over(SqliteDatabase(Path("never opened"), SilentAlarm()))

    async def deliver() -> int:
        async with in_process(app) as client:
            headers = {"Stripe-Signature": sign(body)}
            answer = await client.post("/webhooks/stripe", content=body, headers=headers)
            return answer.status_code

    assert asyncio.run(deliver()) == 400


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_another_method_is_told_which_one_is_taken(
    endpoint: Service, method: str, path: str
) -> None:
    answer = await endpoint.client.request(method, path)

    assert has_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_head_is_another_method_too(service: Service) -> None:
    answer = await service.client.head("/webhooks/stripe")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/stripe/x", "/webhooks//stripe"])
async def test_an_address_beside_it_is_not_found(local_service: Service, path: str) -> None:
    answer = await local_service.deliver(event(), path=path)

    assert has_problem(answer, 404, "not_found")


# --- bodies that are too large or too slow


async def test_a_body_as_large_as_may_be_is_recorded(endpoint: Service) -> None:
    body = to_body(event()).ljust(BODY_BYTES_MAX)

    answer = await endpoint.deliver(body)

    assert answer.json()["outcome"] == "recorded"


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(
    service: Service,
) -> None:
    answer = await raw_exchange(
        service, head(f"Content-Length: {BODY_BYTES_MAX + 1}", "Expect: 100-continue")
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


async def test_a_body_without_a_declared_length_is_refused_once_it_is_too_large(
    service: Service,
) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"

    answer = await raw_exchange(
        service, head("Transfer-Encoding: chunked", signed()), *([chunk] * 17), b"0\r\n\r\n"
    )

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body_too_large" in answer


async def test_a_chunked_body_is_recorded(service: Service) -> None:
    body = to_body(event())

    async def in_parts() -> AsyncIterator[bytes]:
        for n in range(0, len(body), 100):
            yield body[n : n + 100]

    headers = {"Stripe-Signature": sign(body)}
    answer = await service.client.post("/webhooks/stripe", content=in_parts(), headers=headers)

    assert answer.json()["outcome"] == "recorded"


@pytest.mark.parametrize("sent", [b"", b'{"id":'])
async def test_a_body_that_never_ends_is_cut(database: SqliteDatabase, sent: bytes) -> None:
    app = webhooks_over(database, body_timeout_s=0.05)

    async with serving_webhooks(app, Path()) as service:
        answer = await raw_exchange(service, head("Content-Length: 100", signed()), sent)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_timeout" in answer


async def test_a_caller_that_hangs_up_leaves_nothing_behind(service: Service) -> None:
    _, writer = await asyncio.open_connection(*service.address)
    writer.write(head("Content-Length: 100", signed()) + b'{"id":')
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    answer = await service.deliver(event())

    assert answer.status_code == 200
    assert set(await webhooks_counted(service)) == {"recorded"}


# --- when the commit fails


async def test_a_commit_that_fails_is_never_answered_with_200(
    database: SqliteDatabase, database_path: Path
) -> None:
    failing = FailingCommits(database)

    async with serving_webhooks(webhooks_over(cast("Database", failing)), database_path) as service:
        refused = await service.deliver(event())
        assert event_ids(service) == []
        failing.failing = False
        taken = await service.deliver(event())

    assert has_problem(refused, 503, "storage_unavailable")
    assert int(refused.headers["retry-after"]) > 0
    assert taken.content == b'{"event_id":"evt_1","outcome":"recorded","reason":null}'
    assert event_ids(service) == ["evt_1"]


async def test_a_commit_that_fails_is_told_to_everyone_in_the_batch(
    database: SqliteDatabase, database_path: Path
) -> None:
    failing = FailingCommits(database)

    async with serving_webhooks(webhooks_over(cast("Database", failing)), database_path) as service:
        answers = await asyncio.gather(*(service.deliver(event(id=f"evt_{n}")) for n in range(20)))

    assert {answer.status_code for answer in answers} == {503}
    assert failing.commits <= 20
    assert event_ids(service) == []


async def test_a_defect_of_ours_is_a_500_that_stripe_sends_again(
    database: SqliteDatabase, database_path: Path
) -> None:
    class Defect(FailingCommits):
        async def write(self, act: Callable[[Transaction], Awaitable[T]]) -> T:
            raise ZeroDivisionError(act)

    app = webhooks_over(cast("Database", Defect(database)))

    async with serving_webhooks(app, database_path) as service:
        answer = await service.deliver(event())

    assert has_problem(answer, 500, "internal_error")
    assert "ZeroDivisionError" not in answer.text


async def test_a_file_that_may_not_be_written_is_a_503_until_it_may(database_path: Path) -> None:
    """Read-only before the start: the kernel asks for permission only when a file is opened."""
    set_modes(database_path, 0o444)

    async with running_process(database_path.parent, BOUND_BY_FILE_MODES) as process:
        service = process.service
        refused = await service.deliver(event())

        assert has_problem(refused, 503, "storage_unavailable")
        assert "retry-after" in refused.headers
        ready = await service.client.get("/health/ready")
        assert (ready.status_code, ready.json()["failing"]) == (503, ["database"])
        assert (await service.client.get(f"/checkout/{SESSION_ID}")).status_code == 404
        assert not is_writable(database_path)  # we leave the operator's wish alone

        set_modes(database_path, 0o644)
        taken = await service.deliver(event())

        assert taken.json() == {"event_id": "evt_1", "outcome": "recorded", "reason": None}
        assert (await service.client.get(f"/checkout/{SESSION_ID}")).json()["status"] == "paid"


async def test_a_disk_that_is_full_is_a_503_until_there_is_room(process: ServiceProcess) -> None:
    """The kernel lets the process make no file longer, as a full disk would not."""
    service, pid = process.service, process.process.pid
    await service.deliver(event(id="evt_0"))
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)

    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, hard))
    refused = await service.deliver(event(id="evt_1"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    taken = await service.deliver(event(id="evt_1"))

    assert has_problem(refused, 503, "storage_unavailable")
    assert taken.json()["outcome"] == "recorded"
    assert event_ids(service) == ["evt_0", "evt_1"]


async def test_what_was_answered_with_200_survives_a_kill(database_path: Path) -> None:
    async with running_process(database_path.parent) as process:
        answer = await process.service.deliver(event())
        process.process.kill()
        await process.process.wait()

    assert answer.status_code == 200
    assert event_ids(process.service) == ["evt_1"]


# --- what the operator sees


async def test_every_outcome_is_counted(local_service: Service) -> None:
    await local_service.deliver(event())
    await local_service.deliver(event())
    await local_service.deliver(event(account="acct_other"))
    await local_service.deliver(event(id="evt_2", subject=session(payment_status="unforeseen")))
    await local_service.deliver(b"null")
    await local_service.deliver(b"{")
    await local_service.deliver(event(), secret="whsec_of_somebody_else")
    await local_service.client.post("/webhooks/stripe")
    await local_service.client.get("/webhooks/stripe")

    assert await webhooks_counted(local_service) == {
        "recorded": 1,
        "duplicate": 1,
        "other_account": 1,
        "failed": 1,
        "invalid_event": 1,
        "invalid_json": 1,
        "signature_invalid": 1,
        "signature_missing": 1,
        "method_not_allowed": 1,
    }


async def test_the_requests_are_counted_by_route_method_and_status(local_service: Service) -> None:
    for path in PATHS:
        await local_service.deliver(event(), path=path)

    text = (await local_service.client.get("/metrics")).text

    labels = '{method="POST",route="/webhooks/stripe",status="200"}'
    assert f"altan_checkout_http_requests_total{labels} 2.0" in text


async def test_forged_webhooks_by_the_thousand_do_not_flood_the_log(
    process: ServiceProcess,
) -> None:
    lines_before = len(process.lines)
    forged = head("Content-Length: 2", "Stripe-Signature: t=1,v1=00", "Connection: {}") + b"{}"

    sixteen = [forged.replace(b"{}", b"keep-alive", 1)] * 15 + [forged.replace(b"{}", b"close", 1)]
    answers = b""
    for _ in range(63):
        answers += await raw_exchange(process.service, *sixteen)
    await process.service.deliver(b"null")  # its line, if any, comes after all of theirs

    assert answers.count(b"HTTP/1.1 400 ") == 1008
    counted = await webhooks_counted(process.service)
    assert counted["signature_invalid"] == 1008
    process.process.terminate()
    await process.process.wait()
    about_webhooks = [line for line in process.lines[lines_before:] if "webhook" in line]
    assert 1 <= len(about_webhooks) <= 2


async def test_no_log_line_tells_a_secret_or_a_payload(database_path: Path) -> None:
    personal = session(customer_details={"email": "buyer@example.com"}, payment_status="odd")
    async with running_process(database_path.parent, LOG_LEVEL="debug") as process:
        service = process.service
        await service.deliver(event(subject=session(customer_email="buyer@example.com")))
        await service.deliver(event(id="evt_2", subject=personal))
        await service.deliver(b'{"email": "buyer@example.com"')
        await service.deliver(event(), secret="whsec_of_somebody_else")
        await service.deliver(to_body(event(id="evt_3", email="buyer@example.com")) * 2)
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (1, -1))
        await service.deliver(event(id="evt_4"))
        resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (-1, -1))

    log = "".join(process.lines)
    assert "webhook" in log
    for told in ("whsec_", "buyer@example.com", "v1=", "payment_intent", ACCOUNT):
        assert told not in log
    assert all(json.loads(line) for line in process.lines)
