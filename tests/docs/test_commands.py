"""The documentation's shell blocks do what it says, in order, with the real programs."""

import json
import re
import shutil
from pathlib import Path

import httpx
import pytest

from tests.support.docs.documents import ROOT, Block, guide, marked
from tests.support.docs.running import PROGRAM, Demo, free_ports, make_shell, running

VALUES = {
    "ALTAN_ACCOUNT_ID": "00000000-0000-4000-8000-000000000000",
    "ALTAN_STRIPE_CONNECT_ID": "acct_sandbox",
    "STRIPE_WEBHOOK_SECRETS": "whsec_of_the_readme",
    "APP_URL": "https://shop.example",
}


def assert_is_like(expected: object, got: object) -> None:
    """The same keys and values; `…` in a text stands for what is different each time."""
    if isinstance(expected, dict) and isinstance(got, dict):
        assert list(got) == list(expected)
        for key, value in expected.items():
            assert_is_like(value, got[key])
    elif isinstance(expected, list) and isinstance(got, list):
        assert len(got) == len(expected)
        for one, other in zip(expected, got, strict=True):
            assert_is_like(one, other)
    elif isinstance(expected, str) and isinstance(got, str):
        assert re.fullmatch(re.escape(expected).replace("…", ".+"), got), (expected, got)
    else:
        assert got == expected


def test_an_answer_that_differs_is_found() -> None:
    assert_is_like({"id": "chk_…", "n": [1]}, {"id": "chk_1", "n": [1]})
    for other in ({"id": "cs_1", "n": [1]}, {"id": "chk_1", "n": [2]}, {"id": "chk_1"}):
        with pytest.raises(AssertionError):
            assert_is_like({"id": "chk_…", "n": [1]}, other)


@pytest.mark.parametrize("only_python", [False, True], ids=["as installed", "with stand-ins"])
def test_the_commands_beside_the_demo_answer_what_the_document_shows(
    demo: Demo, tmp_path: Path, *, only_python: bool
) -> None:
    shell = make_shell(tmp_path, only_python=only_python)
    commands = marked("sh", "demo")
    assert len([block for block in commands if block.answer]) >= 3

    for block in commands:
        printed = shell.run(demo.here(block.text))

        if block.answer:
            assert_is_like(json.loads(demo.here(block.answer)), json.loads(printed))


def own_blocks() -> list[Block]:
    """What the owner of a shop types, in the order of the document."""
    marks = {"test: own", "test: serve", "test: stopped"}
    return [block for block in guide() if block.language == "sh" and block.mark in marks]


def fill_in(path: Path) -> None:
    """What README asks for: four values, each on a line that is there already."""
    text = path.read_text()
    for name, value in VALUES.items():
        assert f"\n{name}=\n" in text
        text = text.replace(f"\n{name}=\n", f"\n{name}={value}\n")
    path.write_text(text)


def start_order_42(url: str) -> str:
    """One checkout, so that there is something to look up and to back up; its id."""
    cart = {
        "line_items": [{"price": "price_sandbox_mug", "quantity": 1}],
        "client_reference_id": "order-42",
    }
    headers = {"Accept": "application/json"}
    answer = httpx.post(f"{url}/checkout", json=cart, headers=headers, trust_env=False)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["checkout_id"])


@pytest.mark.parametrize("only_python", [False, True], ids=["as installed", "with stand-ins"])
def test_the_way_of_a_shops_owner_from_four_values_to_a_backup_and_back(
    demo: Demo, tmp_path: Path, *, only_python: bool
) -> None:
    (port,) = free_ports(1)
    # Exported, and so stronger than the file: a free port, and the sandbox as Altan Pay.
    exported = {
        "PORT": str(port),
        "ALTAN_PAY_URL": f"http://127.0.0.1:{demo.sandbox_port}",
        "CHECKOUT_URL_HOSTS": f"localhost:{demo.sandbox_port}",
    }
    shell = make_shell(tmp_path, only_python=only_python, env=exported)
    shutil.copy(ROOT / ".env.example", tmp_path)
    copy, look, serve, *while_it_runs, back = own_blocks()
    assert [block.mark for block in (serve, back)] == ["test: serve", "test: stopped"]

    shell.run(copy.text)
    fill_in(tmp_path / ".env")
    shell.run(look.text)
    program, *arguments = serve.text.split()
    assert program == "altan-checkout"
    command = (*PROGRAM, *arguments)
    with running(command, folder=tmp_path, env=shell.env, until="Uvicorn running on"):
        checkout_id = start_order_42(f"http://127.0.0.1:{port}")
        first_night, printed = (
            [shell.run(block.text) for block in while_it_runs] for _night in range(2)
        )
        start_order_42(f"http://127.0.0.1:{port}")  # after the backup, and so not in it
    report = shell.run(back.text)

    assert first_night == printed
    assert printed[0] == f"{checkout_id}|open||\n"
    assert shell.run(while_it_runs[0].text) == printed[0]
    assert "revision" in report
