"""`doctor` says until when the service agrees with Stripe."""

from pathlib import Path

import pytest

from app.commands.doctor_reconciliation import judge_look
from app.commands.findings import Verdict
from app.usecases.reconciliation import LookState
from tests.support.builders import NOW_S, settings
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
    finding = judge_look(LookState(looked_until_s=looked_until_s), now_s=NOW_S, late_s=900)

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


@pytest.mark.parametrize("key", [None, KEY])
async def test_without_a_key_or_a_database_it_says_nothing(tmp_path: Path, key: str | None) -> None:
    keyed = {"stripe_api_key": key, "stripe_api_url": f"http://127.0.0.1:{closed_port()}"}

    assert "reconciliation" not in await findings(settings(tmp_path, **keyed))
