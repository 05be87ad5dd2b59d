"""What the demo says about the receiver of `--notify-url`."""

from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from app.commands.demo_receiver import EVERY_S, ReceiverWatch
from tests.support.builders import query
from tests.support.migrated import copy_migrated

RECEIVER = "http://localhost:3000"


@dataclass
class Terminal:
    """A demo's database and its terminal; each look is a second after the one before."""

    path: Path
    said: list[str] = field(default_factory=list)

    def watch(self) -> ReceiverWatch:
        copy_migrated(self.path)
        query(self.path, "INSERT OR IGNORE INTO notification_delivery (id) VALUES (1)")
        clock = count(step=EVERY_S)
        return ReceiverWatch(
            self.path,
            receiver=RECEIVER,
            resume="altan-checkout notifications resume",
            say=self.said.append,
            clock_s=lambda: next(clock),
        )

    def set(self, failures: int, status: int | None, pause_reason: str | None = None) -> None:
        query(
            self.path,
            "UPDATE notification_delivery SET failures = ?, last_http_status = ?, pause_reason = ?",
            failures,
            status,
            pause_reason,
        )


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "demo.db")


def test_a_refusal_is_said_once_and_so_is_its_end(terminal: Terminal) -> None:
    watch = terminal.watch()
    watch.look()
    for failures in (1, 2, 3):
        terminal.set(failures, 400)
        watch.look()
    terminal.set(0, 204)
    watch.look()
    watch.look()

    assert terminal.said == [
        f"{RECEIVER} answered 400: check NOTIFY_SECRET",
        f"{RECEIVER} accepts notifications.",
    ]


@pytest.mark.parametrize(
    ("status", "pause_reason", "said"),
    [
        (None, None, "does not answer: is your server running?"),
        (401, None, "answered 401: check NOTIFY_SECRET"),
        (404, None, "answered 404: check the path of --notify-url"),
        (500, None, "answered 500: see your server's own output"),
        (410, "gone", "answered 410, so nothing is sent until altan-checkout notifications resume"),
    ],
)
def test_it_says_what_to_check(
    terminal: Terminal, status: int | None, pause_reason: str | None, said: str
) -> None:
    watch = terminal.watch()
    terminal.set(1, status, pause_reason)
    watch.look()

    assert terminal.said == [f"{RECEIVER} {said}"]


def test_another_answer_is_another_line(terminal: Terminal) -> None:
    watch = terminal.watch()
    terminal.set(1, None)
    watch.look()
    terminal.set(2, 401)
    watch.look()

    assert len(terminal.said) == 2


def test_failures_of_the_demo_before_are_said_only_after_another_try(terminal: Terminal) -> None:
    terminal.watch()
    terminal.set(3, 500)
    watch = terminal.watch()
    watch.look()
    before = list(terminal.said)
    terminal.set(4, 500)
    watch.look()

    assert before == []
    assert len(terminal.said) == 1


def test_a_pause_of_the_demo_before_is_said_at_once(terminal: Terminal) -> None:
    terminal.watch()
    terminal.set(1, 410, "gone")
    terminal.watch().look()

    assert len(terminal.said) == 1


def test_it_looks_at_most_once_a_second(tmp_path: Path) -> None:
    """A database that cannot be read is no reason to stop the demo, either."""
    now_s, said = [0.0], list[str]()
    watch = ReceiverWatch(
        tmp_path / "demo.db",
        receiver=RECEIVER,
        resume="",
        say=said.append,
        clock_s=lambda: now_s[0],
    )
    watch.look()
    terminal = Terminal(tmp_path / "demo.db")
    terminal.watch()
    terminal.set(1, 400)
    watch.look()
    too_early = list(said)
    now_s[0] += EVERY_S
    watch.look()

    assert too_early == []
    assert said == [f"{RECEIVER} answered 400: check NOTIFY_SECRET"]
