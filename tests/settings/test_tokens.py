"""API_TOKENS and ADMIN_API_TOKEN: what is refused at the start, and what `doctor` doubts."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings.doubts import doubts
from tests.support.builders import SECRET, Document, settings
from tests.support.orders import ADMIN_TOKEN, TOKEN


@pytest.mark.parametrize("token", ["x" * 23, "a token with spaces in it, long", "x" * 251])
@pytest.mark.parametrize("name", ["api_tokens", "admin_api_token"])
def test_a_short_or_odd_token_is_refused_and_never_repeated(
    tmp_path: Path, name: str, token: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(tmp_path, **{name: [token] if name == "api_tokens" else token})

    assert "24 to 250" in str(caught.value)
    assert token not in str(caught.value)


def test_several_tokens_stand_in_one_list(tmp_path: Path) -> None:
    made = settings(tmp_path, api_tokens=f"{TOKEN}, {ADMIN_TOKEN}")

    assert [token.get_secret_value() for token in made.api_tokens] == [TOKEN, ADMIN_TOKEN]
    assert TOKEN not in repr(made)


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"api_tokens": [TOKEN], "admin_api_token": ADMIN_TOKEN}, []),
        ({"api_tokens": ["a" * 24]}, ["API_TOKENS"]),
        ({"admin_api_token": "changeme-changeme-changeme"}, ["ADMIN_API_TOKEN"]),
        ({"api_tokens": ["ababababababababababababab"]}, ["API_TOKENS"]),
        ({"api_tokens": ["fedcba9876543210fedcba9876543210"]}, ["API_TOKENS"]),
        ({"api_tokens": ["My-Password-0192837465-ab"]}, ["API_TOKENS"]),
        ({"api_tokens": [TOKEN, TOKEN]}, ["API_TOKENS"]),
        ({"api_tokens": [TOKEN], "admin_api_token": TOKEN}, ["ADMIN_API_TOKEN"]),
        ({"api_tokens": [SECRET]}, ["API_TOKENS"]),
    ],
)
def test_a_weak_token_is_doubted(tmp_path: Path, changes: Document, names: list[str]) -> None:
    found = [each for each in doubts(settings(tmp_path, **changes)) if "TOKEN" in each.name]

    assert [each.name for each in found] == names
    assert all(each.is_logged_at_start for each in found)


def test_two_weak_tokens_are_doubted_in_one_sentence(tmp_path: Path) -> None:
    one = doubts(settings(tmp_path, api_tokens=["a" * 24]))
    two = doubts(settings(tmp_path, api_tokens=["a" * 24, "b" * 24]))

    assert two == one
