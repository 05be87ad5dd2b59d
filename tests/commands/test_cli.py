import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.builders import ACCOUNT, ROOT, SECRET
from tests.support.wire import answer, closed_port, upstream

GOOD = {
    "ALTAN_ACCOUNT_ID": "00000000-0000-4000-8000-000000000000",
    "ALTAN_STRIPE_CONNECT_ID": ACCOUNT,
    "STRIPE_WEBHOOK_SECRETS": SECRET,
    "APP_URL": "https://shop.example",
}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in `folder`, with nothing of the developer's own settings."""
    return run_python(folder, "-m", "app", *arguments, **environment)


def prepared(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """All that a start does and says before it listens."""
    program = (
        "from app.bootstrap import prepare; from app.settings.settings import load_settings\n"
        "prepare(load_settings())"
    )
    return run_python(folder, "-c", program, **environment)


def run_python(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """A Python program in `folder`, as `run`."""
    return subprocess.run(  # noqa: S603 our own program
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


@pytest.mark.parametrize("arguments", [[], ["serve"], ["migrate"]])
def test_wrong_settings_stop_the_start_with_a_line_each(
    tmp_path: Path, arguments: Sequence[str]
) -> None:
    ended = run(tmp_path, *arguments, **{**GOOD, "APP_URL": "shop", "ALTAN_ACCOUNT_ID": ""})

    assert ended.returncode == 2
    assert [line.split()[0] for line in ended.stderr.splitlines()] == [
        "ALTAN_ACCOUNT_ID",
        "APP_URL",
    ]
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "RATE_LIMIT_CHECKOUT": "often",
            "RATE_LIMIT_STORAGE": "memcached://x",
            "TRUSTED_PROXIES": "proxy.example",
            "ALERT_WEBHOOK_URL": "chat",
            "SENTRY_DSN": "sentry",
        },
        {"CATALOG_FILE": "none.toml"},  # looked at once all others are right
    ],
    ids=["all at once", "the catalog"],
)
def test_a_wrong_setting_of_the_door_is_one_line_and_never_a_trace(
    tmp_path: Path, wrong: dict[str, str]
) -> None:
    ended = run(tmp_path, "serve", "--port", "0", **GOOD, **wrong)

    assert ended.returncode == 2
    lines = ended.stderr.splitlines()
    assert sorted(line.partition(" is wrong: ")[0] for line in lines) == sorted(wrong)


def test_a_doctor_who_finds_something_broken_ends_with_one(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}"

    ended = run(tmp_path, "doctor", **GOOD, ALTAN_PAY_URL=url)

    assert ended.returncode == 1
    assert "Altan Pay" in ended.stdout
    assert "fails" in ended.stdout
    assert "all prices of the account can be bought" in ended.stdout
    assert SECRET not in ended.stdout
    assert ended.stderr == ""


def test_a_doctor_of_wrong_settings_names_each_and_ends_with_one(tmp_path: Path) -> None:
    ended = run(tmp_path, "doctor", **{**GOOD, "APP_URL": "shop"})

    assert ended.returncode == 1
    assert "APP_URL is wrong" in ended.stdout


def test_help_names_every_command(tmp_path: Path) -> None:
    ended = run(tmp_path, "--help")

    assert ended.returncode == 0
    for command in ("serve", "migrate", "sandbox", "demo", "doctor"):
        assert command in ended.stdout


@pytest.mark.parametrize("arguments", [["serve"], ["serve", "--host", "127.0.0.1"]])
def test_a_port_in_use_is_one_sentence_and_nothing_says_started(
    tmp_path: Path, arguments: list[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = run(tmp_path, *arguments, "--port", str(port), **GOOD)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"altan-checkout cannot start: port {port} of 127.0.0.1 is in use; stop the other "
        "program, or set another --port\n"
    )
    assert "started" not in ended.stdout
    assert "running on" not in ended.stdout


def test_the_sandbox_on_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        ended = run(tmp_path, "sandbox", "--port", str(port))

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == (
        f"The sandbox cannot start: port {port} of 127.0.0.1 is in use; stop the other program, "
        "or set another --port\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--port", "99999"],
        ["sandbox", "--port", "-1"],
        ["demo", "--port", "65536"],
        ["demo", "--sandbox-port", "0"],
    ],
)
def test_a_port_that_cannot_be_is_refused(tmp_path: Path, arguments: list[str]) -> None:
    """The system's resolver would take 99999 for 34463."""
    ended = run(tmp_path, *arguments, **GOOD)

    assert ended.returncode == 2
    assert f"Invalid value for '{arguments[1]}'" in ended.stderr


def test_an_address_that_is_not_ours_is_one_sentence(tmp_path: Path) -> None:
    ended = run(tmp_path, "serve", "--host", "192.0.2.1", "--port", "0", **GOOD)

    assert ended.returncode == 1
    assert "192.0.2.1 port 0 cannot be listened on" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_the_version_is_said(tmp_path: Path) -> None:
    ended = run(tmp_path, "--version")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"altan-checkout {version('altan-checkout')}\n"


def test_a_command_starts_without_the_libraries_of_others() -> None:
    """They take half a second of CPU time, at each command."""
    slow = "{'aiohttp', 'alembic', 'fastapi', 'httpx', 'sandbox', 'sqlalchemy', 'uvicorn'}"
    loaded = f"import sys, app.commands.cli; print(*sorted({slow} & set(sys.modules)))"

    ended = subprocess.run(  # noqa: S603 our own program
        [sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert ended.stdout.split() == []


@pytest.mark.parametrize("arguments", [["--version"], ["orders-table"], ["events", "--help"]])
def test_an_output_on_a_full_disk_is_one_line(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-m", "app", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert ended.returncode == 1
    assert ended.stderr == (
        "altan-checkout stopped: no space left on device, for its output or for a file.\n"
    )


CHAT_ANSWERS = [
    ("200 OK", 0, "The chat at ALERT_WEBHOOK_URL accepted the alert."),
    ("404 No", 1, "did not accept the alert: it answered 404: no_\\u001bservice."),
]


@pytest.mark.parametrize(("status", "code", "words"), CHAT_ANSWERS)
async def test_a_test_alert_says_what_came_back(
    tmp_path: Path, status: str, code: int, words: str
) -> None:
    async with upstream(answer(b"no_\x1bservice", status=status)) as chat:
        url = f"{chat.url}/private"
        ended = await asyncio.to_thread(
            run, tmp_path, "doctor", "--test-alert", **GOOD, ALERT_WEBHOOK_URL=url
        )

    assert ended.returncode == code
    assert words in ended.stdout + ended.stderr
    assert "private" not in ended.stdout + ended.stderr
    (request,) = chat.requests
    text = json.loads(request.body)["text"]
    assert "Shop: shop.example (https://shop.example)" in text


async def test_a_probe_prints_its_result_or_why_nothing_was_created(tmp_path: Path) -> None:
    page = b'{"url": "https://checkout.stripe.com/c/pay/cs_test_a1"}'
    async with upstream(answer(page)) as altan_pay:
        made = await asyncio.to_thread(
            run,
            tmp_path,
            *("doctor", "--probe", "--price", "price_A"),
            **{**GOOD, "ALTAN_PAY_URL": altan_pay.url},
        )
    live = run(tmp_path, "doctor", "--probe", "--price", "price_A", **GOOD)

    assert (made.returncode, live.returncode) == (0, 1)
    assert made.stdout.startswith("Altan Pay created cs_test_a1 at checkout.stripe.com.\n")
    assert live.stderr.startswith("The probe failed: nothing was created")


@pytest.mark.parametrize("option", [["--price", "price_A"], ["--live"]])
def test_an_option_of_the_probe_alone_is_refused(tmp_path: Path, option: list[str]) -> None:
    ended = run(tmp_path, "doctor", *option, **GOOD)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert f"Invalid value for {option[0]}: needs --probe" in ended.stderr


def test_a_test_alert_that_reaches_nobody_says_so(tmp_path: Path) -> None:
    unset = run(tmp_path, "doctor", "--test-alert", **GOOD)
    url = f"http://127.0.0.1:{closed_port()}/private"
    closed = run(tmp_path, "doctor", "--test-alert", **GOOD, ALERT_WEBHOOK_URL=url)

    assert (unset.returncode, closed.returncode) == (2, 1)
    assert unset.stderr == (
        "No alert was posted: ALERT_WEBHOOK_URL is not set, so alerts are not sent to a chat.\n"
    )
    assert "no response (ConnectError)" in closed.stderr
    assert "private" not in closed.stderr
