"""`doctor` says until when the service agrees with Stripe."""

import asyncio
from pathlib import Path

import pytest

from app.commands.doctor_reconciliation import judge_check, judge_failed, reconciliation_of
from app.commands.findings import Verdict
from app.usecases.reconciliation import ReconciliationState, StripeObject
from tests.support.builders import NOW_S, query, settings
from tests.support.examining import OK, WARNING, findings
from tests.support.stripe_api_calls import KEY
from tests.support.wire import closed_port


@pytest.mark.parametrize(
    ("looked_until_s", "verdict", "words"),
    [
        (None, WARNING, "no check of Stripe is complete yet"),
        (NOW_S - 900, OK, "agrees with Stripe as of 2025-10-09T08:38:20.000Z"),
        (NOW_S - 901, WARNING, "which is long ago"),
    ],
)
def test_an_old_time_is_doubtful(looked_until_s: int | None, verdict: Verdict, words: str) -> None:
    finding = judge_check(
        ReconciliationState(looked_until_s=looked_until_s), now_s=NOW_S, late_s=900
    )

    assert finding.verdict is verdict
    assert words in finding.message


@pytest.mark.parametrize(
    ("changes", "words"),
    [({}, "no check of Stripe is complete yet"), ({"reconcile_every_s": None}, "is off")],
)
async def test_the_database_tells_it(
    database_path: Path, changes: dict[str, object], words: str
) -> None:
    keyed = {"stripe_api_key": KEY, "stripe_api_url": f"http://127.0.0.1:{closed_port()}"}

    by_subject = await findings(settings(database_path.parent, **keyed, **changes))

    assert words in by_subject["reconciliation"].message


def test_what_stripe_does_not_return_is_counted() -> None:
    failed = [StripeObject("refund", f"re_{number}") for number in range(100)]

    one, many = judge_failed(failed[:1]), judge_failed(failed)

    assert one.verdict is WARNING
    assert "read again: 1, such as refund re_0." in one.message
    assert "100 or more" in many.message


async def test_the_database_tells_what_was_not_returned(database_path: Path) -> None:
    query(database_path, "INSERT INTO failed_reads VALUES ('refund', 're_1', 7, 8)")
    keyed = {"stripe_api_key": KEY, "stripe_api_url": f"http://127.0.0.1:{closed_port()}"}

    found = reconciliation_of(settings(database_path.parent, **keyed))

    messages = await asyncio.to_thread(lambda: [each.message for each in found])
    assert any("such as refund re_1" in message for message in messages)


async def test_without_a_database_it_says_nothing(tmp_path: Path) -> None:
    keyed = {"stripe_api_key": KEY, "stripe_api_url": f"http://127.0.0.1:{closed_port()}"}

    assert "reconciliation" not in await findings(settings(tmp_path, **keyed))


async def test_without_a_key_it_is_off(tmp_path: Path) -> None:
    by_subject = await findings(settings(tmp_path))

    assert by_subject["reconciliation"].verdict is OK
    assert "set STRIPE_API_KEY" in by_subject["reconciliation"].message
