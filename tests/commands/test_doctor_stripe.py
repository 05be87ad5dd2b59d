"""`doctor` says what STRIPE_API_KEY may read, and which permission it lacks."""

from pathlib import Path

import pytest

from app.commands.findings import Verdict
from tests.support.builders import settings
from tests.support.examining import FAILS, OK, findings
from tests.support.stripe_api_calls import KEY, says_json
from tests.support.wire import Script, answer, upstream

LIST = says_json({"object": "list", "data": [], "has_more": False})
LACKS = says_json(
    {"error": {"message": "Having the 'rak_charge_read' permission would allow"}},
    status="403 Forbidden",
)


@pytest.mark.parametrize(
    ("scripts", "verdict", "words"),
    [
        ([LIST], OK, "may read all"),
        ([answer(b"{}", status="404 No")], OK, "may read all"),
        ([LIST, LIST, LIST, LACKS, LIST], FAILS, "rak_charge_read"),
        ([answer(b"{}", status="401 No")], FAILS, "Stripe does not accept the key"),
        ([answer(b"", status="500 No")], FAILS, "STRIPE_API_URL"),
    ],
)
async def test_each_permission_is_tried(
    tmp_path: Path, scripts: list[Script | bytes], verdict: Verdict, words: str
) -> None:
    async with upstream(*scripts) as server:
        keyed = {"stripe_api_key": KEY, "stripe_api_url": server.url}
        finding = (await findings(settings(tmp_path, **keyed)))["Stripe's API"]

    assert finding.verdict is verdict
    assert words in finding.message
    assert KEY not in finding.message


async def test_without_a_key_nothing_is_asked(tmp_path: Path) -> None:
    assert "Stripe's API" not in await findings(settings(tmp_path))
