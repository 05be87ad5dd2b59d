import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.adapters.database.schema import metadata
from app.commands.copy_database import BATCH, CopyError, copy_database
from app.domain.fold.records import Wake
from app.domain.stripe_events.event import read_event
from app.usecases.outbox import NotificationQuery
from app.usecases.record_events import ReceivedEvent, RecordEvents
from app.usecases.records import WebhookKind, WebhookSighting
from app.usecases.webhook_ledger import WebhookLedger
from tests.commands.test_cli import GOOD, run
from tests.support.builders import (
    FixedClock,
    SilentAlarm,
    event,
    query,
    session,
    settings,
    thin_event,
    to_body,
)
from tests.support.outbox import POSTED, ended, lease, new_notification, notify
from tests.support.real_events import real_events
from tests.support.rows import open_database
from tests.support.stores import CHECKOUT, put
from tests.support.stripe_objects import invoice, listing
from tests.support.wire import closed_port

RENEWED = [
    event(
        id="evt_subscribed",
        subject=session(
            id="cs_test_sub", mode="subscription", payment_intent=None, subscription="sub_moved"
        ),
    ),
    event(
        "invoice.paid",
        invoice(
            id="in_moved",
            subscription="sub_moved",
            billing_reason="subscription_cycle",
            payments=listing({"payment": {"payment_intent": "pi_moved"}}),
        ),
        id="evt_renewed",
    ),
]
EVENTS = BATCH + 50  # more than one batch of rows


@pytest.fixture
def shop(database_path: Path) -> str:
    """The URL of a file with some of everything."""

    async def fill() -> None:
        database = open_database(database_path, SilentAlarm())
        record_events = RecordEvents(
            database=database, clock=FixedClock(), alarm=SilentAlarm(), on_change=lambda _: None
        )
        documents = [
            event(
                id=f"evt_{n}",
                subject=session(id=f"cs_test_{n}", payment_intent=f"pi_{n}"),
                livemode=(None, True, False)[n % 3],
            )
            for n in range(EVENTS)
        ]
        bodies = [to_body(document) for document in (*documents, *RENEWED, thin_event())]
        bodies += [path.read_bytes() for path in real_events()]
        await record_events([ReceivedEvent(read_event(read(body)), body) for body in bodies])

        async def add_checkout(transaction: WebhookLedger) -> None:
            await transaction.add_checkout(CHECKOUT)
            await transaction.see_webhooks([WebhookSighting(WebhookKind.TAKEN, 7, None, 1)])
            await put(transaction, Wake("pi_1", "evt_1"))
            await transaction.commit()

        await database.write(add_checkout)
        await database.write_heartbeat(7)
        database.posting = POSTED
        await notify(database, new_notification(), new_notification(2))
        await database.settle_tries([ended(each) for each in await lease(database)])
        await database.close()

    asyncio.run(fill())
    query(database_path, "UPDATE events SET payload = NULL WHERE id = 'evt_7'")
    query(
        database_path,
        "INSERT INTO idempotency_keys VALUES (?, ?, 'chk_1', 'open', 1, 2)",
        "a" * 64,
        "b" * 64,
    )
    query(database_path, "INSERT INTO flag_causes VALUES ('chk_1', 'disputed', 'dp_1', 7, 8, 9)")
    query(database_path, "INSERT INTO reconciliation VALUES (1, 'one', 7, 7, 7, 7, 7, 7)")
    query(database_path, "INSERT INTO orders_table_progress VALUES (1, 7, 7, 'one', 7, 7, 7, 'no')")
    query(database_path, "INSERT INTO orders_table_refused VALUES ('chk_1', 'cs_1', 7, 8, 'no')")
    query(database_path, "INSERT INTO failed_reads VALUES ('refund', 're_1', 7, 8)")
    return f"sqlite:///{database_path}"


def read(body: bytes) -> dict[str, object]:
    import orjson  # noqa: PLC0415 for this alone

    document: dict[str, object] = orjson.loads(body)
    return document


def rows(path: Path, table: str) -> list[dict[str, object]]:
    order = ", ".join(metadata.tables[table].primary_key.columns.keys())
    return query(path, f"SELECT * FROM {table} ORDER BY {order}")  # noqa: S608 our tables


def path_of(url: str, folder: Path) -> Path:
    path = folder / "target.url"
    path.write_text(url)
    return path


def test_what_is_numbered_is_numbered_on(
    shop: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    copy_database(shop, empty_postgres_url)

    async def write_one_more() -> list[int]:
        database = open_database(path_of(empty_postgres_url, tmp_path), SilentAlarm())
        await notify(database, new_notification(3))
        kept = await database.list_notifications(NotificationQuery(limit=2))
        await database.close()
        return [each.position.seq for each in kept]

    last, before = asyncio.run(write_one_more())
    assert last == before + 1


def test_every_row_of_every_table_is_moved(
    shop: str, database_path: Path, empty_postgres_url: str, tmp_path: Path
) -> None:
    copied = copy_database(shop, empty_postgres_url)

    target = path_of(empty_postgres_url, tmp_path)
    assert {each.table for each in copied} == set(metadata.tables)
    for each in copied:
        source_rows = rows(database_path, each.table)
        assert rows(target, each.table) == source_rows
        assert each.rows == len(source_rows) > 0


def test_a_target_that_has_rows_is_refused_and_left_as_it_is(
    shop: str, postgres_url: str, tmp_path: Path
) -> None:
    target = path_of(postgres_url, tmp_path)
    query(target, "INSERT INTO heartbeat VALUES (1, 7)")

    with pytest.raises(CopyError, match="not empty: heartbeat"):
        copy_database(shop, postgres_url)

    assert rows(target, "heartbeat") == [{"id": 1, "at_ms": 7}]
    assert rows(target, "events") == []


def test_a_second_copy_is_refused(shop: str, postgres_url: str) -> None:
    copy_database(shop, postgres_url)

    with pytest.raises(CopyError, match="not empty"):
        copy_database(shop, postgres_url)


def test_of_a_copy_that_fails_in_the_middle_nothing_stays(
    shop: str, postgres_url: str, tmp_path: Path
) -> None:
    target = path_of(postgres_url, tmp_path)
    query(
        target, "ALTER TABLE payments ADD CONSTRAINT none_of_ours CHECK (session_id < 'cs_test_5')"
    )

    with pytest.raises(CopyError, match="23514"):
        copy_database(shop, postgres_url)

    assert [rows(target, table) for table in metadata.tables] == [[]] * len(metadata.tables)


def test_rows_that_the_target_changes_on_the_way_are_noticed(
    shop: str, postgres_url: str, tmp_path: Path
) -> None:
    target = path_of(postgres_url, tmp_path)
    query(
        target,
        "CREATE FUNCTION round_down() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN NEW.received_at_ms = 0; RETURN NEW; END'",
    )
    query(
        target,
        "CREATE TRIGGER of_somebody_else BEFORE INSERT ON events"
        " FOR EACH ROW EXECUTE FUNCTION round_down()",
    )

    with pytest.raises(CopyError, match="events differs after the copy"):
        copy_database(shop, postgres_url)

    assert rows(target, "events") == []


def test_nobody_writes_to_the_source_meanwhile(shop: str, postgres_url: str) -> None:
    with closing(sqlite3.connect(shop.removeprefix("sqlite:///"))) as writer:
        writer.execute("BEGIN IMMEDIATE")

        with pytest.raises(
            CopyError, match="cannot be read: database is locked: another process holds it"
        ):
            copy_database(shop, postgres_url)


@pytest.mark.parametrize(
    ("revision", "words"),
    [("0001", r"at revision 0001.*altan-checkout migrate"), ("9999", "install that version")],
)
def test_a_source_of_another_revision_is_refused(
    shop: str, database_path: Path, postgres_url: str, revision: str, words: str
) -> None:
    query(database_path, "UPDATE alembic_version SET version_num = ?", revision)

    with pytest.raises(CopyError, match=words):
        copy_database(shop, postgres_url)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("sqlite:///a.db", "sqlite:///b.db", "must be postgresql"),
        ("postgresql://a:hunter2@b/c", "postgresql://a:hunter2@b/d", "must be sqlite"),
        ("a.db", "postgresql://a:hunter2@b/c", "must be sqlite:///"),
        ("sqlite:///a.db", "postgresql://a:hunter2@b", "names no database"),
        ("sqlite:///none.db", "postgresql://a:hunter2@b/c", "there is no file none.db"),
    ],
)
def test_wrong_addresses_are_reported_without_the_password(
    source: str, target: str, words: str
) -> None:
    with pytest.raises(CopyError, match=words) as refused:
        copy_database(source, target)

    assert "hunter2" not in str(refused.value)


def test_an_unreachable_target_is_reported_without_the_password(shop: str) -> None:
    with pytest.raises(CopyError, match="cannot be reached") as refused:
        copy_database(shop, f"postgresql://a:hunter2@127.0.0.1:{closed_port()}/c")

    assert "hunter2" not in str(refused.value)


def test_the_command_says_what_it_copied_or_why_it_did_not(
    shop: str, postgres_url: str, tmp_path: Path
) -> None:
    first, second = (run(tmp_path, "copy-database", shop, postgres_url) for _ in range(2))

    assert (first.returncode, second.returncode) == (0, 1)
    assert "heartbeat: 1 rows, sha256 " in first.stdout
    assert second.stderr.startswith("Nothing was copied: the target is not empty")


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("sqlite:///none.db", "postgresql://a:hunter2@b/c", "for FROM: there is no file none.db"),
        ("sqlite:///a.db", "sqlite:///b.db", "for TO: must be postgresql://"),
    ],
)
def test_a_wrong_argument_is_named(tmp_path: Path, source: str, target: str, words: str) -> None:
    (tmp_path / "a.db").touch()

    ended = run(tmp_path, "copy-database", source, target)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert words in ended.stderr
    assert "hunter2" not in ended.stderr


def test_a_shop_that_has_moved_is_served_and_looked_at(
    shop: str, empty_postgres_url: str, tmp_path: Path
) -> None:
    moving = {**GOOD, "DATABASE_URL": empty_postgres_url}
    refused = run(tmp_path, "serve", "--port", "0", **moving)
    assert refused.returncode == 1
    assert "run altan-checkout migrate" in refused.stderr

    migrated = run(tmp_path, "migrate", **moving)
    copied = run(tmp_path, "copy-database", shop, empty_postgres_url)
    rebuilt = run(tmp_path, "events", "rebuild", **moving)

    assert migrated.stdout.splitlines()[-1].endswith("is up to date.")
    assert (migrated.returncode, copied.returncode, rebuilt.returncode) == (0, 0, 0), rebuilt
    assert settings(tmp_path, database_url=empty_postgres_url).postgres_url
