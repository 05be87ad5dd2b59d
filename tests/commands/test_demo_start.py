"""Starts of `altan-checkout demo` that must end in one sentence, and what a folder keeps."""

import os
import re
import stat
import subprocess
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.builders import ROOT
from tests.support.docs.running import PROGRAM, free_ports, running
from tests.support.ports import free_port

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
LAST_LINE = "No money moves. Press Ctrl-C to stop everything.\n"
TOKENS = re.compile(r"^  (?:Sign in with |export API_TOKEN=)(\w+)$", re.MULTILINE)


def ports() -> tuple[str, ...]:
    port, sandbox_port = free_ports(2)
    return ("--port", str(port), "--sandbox-port", str(sandbox_port))


def refused(folder: Path, *options: str) -> tuple[int, str]:
    ended = subprocess.run(  # noqa: S603 our own program
        (*PROGRAM, "demo", *options),
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_two_equal_ports_are_refused_before_anything_starts(tmp_path: Path) -> None:
    ended = refused(tmp_path, "--port", "8001", "--sandbox-port", "8001")

    assert ended == (2, "--sandbox-port must be another port than --port, which is 8001.\n")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    file = refused(tmp_path, *ports(), "--folder", "file")
    below = refused(tmp_path, *ports(), "--folder", "file/below")

    end = "; choose another one with --folder.\n"
    assert file == (1, f"The demo cannot run: the folder file cannot be used (file exists){end}")
    reason = "(not a directory)"
    assert below == (1, f"The demo cannot run: the folder file/below cannot be used {reason}{end}")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such locks")
def test_a_second_demo_in_the_same_folder_and_on_the_same_ports_is_one_sentence(
    tmp_path: Path,
) -> None:
    first = ports()
    with running((*PROGRAM, "demo", *first), folder=tmp_path, env=ENVIRONMENT, until="Ctrl-C"):
        in_folder = refused(tmp_path, *ports())
        on_ports = refused(tmp_path, *first, "--folder", "other")

    assert (in_folder[0], on_ports[0]) == (1, 1)
    assert in_folder[1] == (
        "The demo cannot run: another demo uses the folder data; stop it, or choose another one "
        "with --folder.\n"
    )
    assert on_ports[1] == (
        f"The demo cannot run: port {first[1]} is in use; stop the program that uses it, or choose "
        'other ports: --port 8001 --sandbox-port 9001, or make demo ARGS="--port 8001 '
        '--sandbox-port 9001".\n'
    )
    assert not (tmp_path / "other").exists()


def test_the_tokens_are_the_folders_and_stay_the_same(tmp_path: Path) -> None:
    printed = []
    for folder in ("data", "data", "other"):
        command = (*PROGRAM, "demo", *ports(), "--folder", folder)
        with running(command, folder=tmp_path, env=ENVIRONMENT, until="Ctrl-C") as words:
            printed.append(TOKENS.findall(words))

    first, again, elsewhere = printed
    assert len(set(first)) == 2
    assert again == first
    assert not set(elsewhere) & set(first)
    kept = tmp_path / "data" / "demo.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_it_says_when_the_receiver_refuses(tmp_path: Path) -> None:
    command = (*PROGRAM, "demo", *ports(), "--notify-url", f"http://localhost:{free_port()}/n?s=1")
    with subprocess.Popen(  # noqa: S603 our own program
        command, cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    ) as process:
        too_late = threading.Timer(60, process.kill)
        too_late.start()
        assert process.stdout
        printed = "".join(iter(process.stdout.readline, LAST_LINE))
        buy_a_mug(*re.findall(r"http://localhost:\d+(?=/docs|$)", printed, re.MULTILINE))

        said = process.stdout.readline()
        too_late.cancel()
        process.terminate()

    assert re.fullmatch(r"http://localhost:\d+ does not answer: is your server running\?\n", said)


def buy_a_mug(shop_url: str, service_url: str) -> None:
    cart = {"line_items": [{"price": "price_sandbox_mug", "quantity": 1}]}
    with httpx.Client(trust_env=False, headers={"Accept": "application/json"}) as client:
        started = client.post(f"{service_url}/checkout", json=cart).raise_for_status().json()
        client.post(f"{shop_url}/sandbox/sessions/{started['session_id']}/pay").raise_for_status()
