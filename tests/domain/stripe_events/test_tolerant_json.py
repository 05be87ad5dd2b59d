import json

import pytest

from app.domain.stripe_events.tolerant_json import read_tolerantly


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (rb'{"name": "a\ud83d"}', {"name": "a\ud83d"}),
        (rb'["\udc00\ud83d", "\ud83d\ude00"]', ["\udc00\ud83d", "\U0001f600"]),
        (rb'{"\ud83d": "\u0000"}', {"\ud83d": "\0"}),
        ('"\u00e9"'.encode(), "\u00e9"),
    ],
)
def test_what_json_allows_is_read(body: bytes, document: object) -> None:
    assert read_tolerantly(body) == document


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[-Infinity]",
        b'"\xed\xa0\xbd"',
        json.dumps("x").encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 500_000,
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 whatever its words
        read_tolerantly(body)
