"""The cookie of a session, and the text that its forms send."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.console.sessions import CLOCK_SKEW_S, SESSION_S, Session, Sessions
from tests.support.builders import NOW_S, FixedClock

TOKEN = "admin_token_m9n8b7v6c5x4z3l2k1"
COOKIE = Sessions(TOKEN, FixedClock()).begin()


def test_a_session_is_read_from_its_cookie_by_every_replica() -> None:
    session = Sessions(TOKEN, FixedClock()).read(COOKIE)

    assert session is not None
    assert session.began_s == NOW_S


def test_two_sessions_differ() -> None:
    assert Sessions(TOKEN, FixedClock()).begin() != COOKIE


@pytest.mark.parametrize(
    ("age_s", "is_read"),
    [
        (0, True),
        (SESSION_S - 1, True),
        (SESSION_S, False),
        (-CLOCK_SKEW_S, True),
        (-CLOCK_SKEW_S - 1, False),
    ],
)
def test_a_session_lasts_twelve_hours(age_s: int, *, is_read: bool) -> None:
    later = FixedClock((NOW_S + age_s) * 1000)

    assert (Sessions(TOKEN, later).read(COOKIE) is not None) == is_read
    assert SESSION_S == 43_200


def test_another_token_ends_every_session() -> None:
    assert Sessions(f"{TOKEN}2", FixedClock()).read(COOKIE) is None


@given(position=st.integers(0, len(COOKIE) - 1), character=st.characters(max_codepoint=255))
def test_a_cookie_that_was_changed_is_not_read(position: int, character: str) -> None:
    changed = COOKIE[:position] + character + COOKIE[position + 1 :]

    read = Sessions(TOKEN, FixedClock()).read(changed)

    assert (read is not None) == (changed == COOKIE)


@given(st.text(max_size=120))
def test_a_text_that_we_did_not_sign_is_no_cookie(text: str) -> None:
    assert Sessions(TOKEN, FixedClock()).read(text) is None


def test_the_cookie_does_not_contain_the_token() -> None:
    parts = COOKIE.split(".")

    assert TOKEN not in COOKIE
    assert all(TOKEN.encode() not in base64.urlsafe_b64decode(f"{part}==") for part in parts[1:])


def test_only_its_own_forms_are_of_a_session() -> None:
    sessions = Sessions(TOKEN, FixedClock())
    one, other = Session(NOW_S, "a" * 22), Session(NOW_S, "b" * 22)

    assert sessions.is_form_token(one, sessions.form_token(one))
    assert not sessions.is_form_token(one, sessions.form_token(other))
    assert not Sessions(f"{TOKEN}2", FixedClock()).is_form_token(one, sessions.form_token(one))


@pytest.mark.parametrize("sent", ["", "ä", "\udc80", "a" * 43])
def test_anything_else_is_no_form_of_a_session(sent: str) -> None:
    assert not Sessions(TOKEN, FixedClock()).is_form_token(Session(NOW_S, "a" * 22), sent)


def test_a_forms_text_is_not_the_cookies() -> None:
    sessions = Sessions(TOKEN, FixedClock())
    session = sessions.read(COOKIE)

    assert session is not None
    assert sessions.form_token(session) not in COOKIE
