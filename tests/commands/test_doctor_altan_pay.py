"""What `altan-checkout doctor` finds at Altan Pay and in the clock."""

import re
import ssl
import time
from pathlib import Path

import pytest
import trustme

from app.commands.findings import Verdict
from tests.support.builders import settings
from tests.support.examining import FAILS, OK, WARNING, altan_pay, dated, findings, found
from tests.support.wire import Script, answer, closed_port, resets


async def test_an_altan_pay_that_nobody_plays_fails(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}"

    by_subject = await findings(settings(tmp_path, altan_pay_url=url))

    assert by_subject["Altan Pay"].verdict is FAILS
    assert by_subject["clock"].verdict is WARNING


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def test_a_trusted_certificate_is_reported_with_its_days(
    tmp_path: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with authority.cert_pem.tempfile(dir=str(tmp_path)) as trusted:
        monkeypatch.setenv("SSL_CERT_FILE", trusted)
        async with altan_pay(tls=server_tls(authority)) as server:
            by_subject = await findings(settings(tmp_path, altan_pay_url=server.url))

    assert by_subject["Altan Pay"].verdict is OK
    assert re.search(r"TLSv1\.[23], \d+ days of TLS left", by_subject["Altan Pay"].message)
    assert by_subject["clock"].verdict is OK


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's, for a handshake that failed
async def test_a_certificate_from_nobody_we_trust_fails(
    tmp_path: Path, authority: trustme.CA
) -> None:
    async with altan_pay(tls=server_tls(authority)) as server:
        finding = await found(tmp_path, "Altan Pay", altan_pay_url=server.url)

    assert finding.verdict is FAILS


@pytest.mark.parametrize(
    ("shift_s", "verdict"), [(-3600, FAILS), (3600, FAILS), (-20, OK), (20, OK)]
)
async def test_the_clock_is_held_against_altan_pays(
    tmp_path: Path, shift_s: float, verdict: Verdict
) -> None:
    async with altan_pay(dated(shift_s)) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is verdict


@pytest.mark.parametrize(
    "script",
    [answer(b"", "Connection: close"), b"220 mail.example ready\r\n\r\n", resets],
    ids=["no date", "no HTTP", "reset"],
)
async def test_without_a_time_from_altan_pay_the_clock_gets_a_warning(
    tmp_path: Path, script: Script | bytes
) -> None:
    async with altan_pay(script) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is WARNING


async def test_a_date_of_another_form_only_leaves_doubt(tmp_path: Path) -> None:
    async with altan_pay(answer(b"", "Date: yesterday", "Connection: close")) as server:
        finding = await found(tmp_path, "clock", altan_pay_url=server.url)

    assert finding.verdict is WARNING


async def test_a_clock_that_is_older_than_this_program_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)

    finding = await found(tmp_path, "clock")

    assert finding.verdict is FAILS
    assert "in the past" in finding.message
