import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.printable import printable, printable_json, printable_lines

HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def test_every_control_and_format_character_of_unicode_is_escaped() -> None:
    hidden = [chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) in HIDDEN]

    assert [c for c in hidden if not printable(c).startswith("\\u")] == []
    assert len(hidden) > 2000


@pytest.mark.parametrize(
    "text", ["", "Große Schale, 12,50 €", "日本語", "😀", "a b~", "\\u202e", "é"]
)
def test_what_can_be_seen_stays(text: str) -> None:
    assert printable(text) == text


def test_lines_stay_lines_where_they_are_ours() -> None:
    assert printable("a\nb\x9b") == "a\\u000ab\\u009b"
    assert printable_lines("a\n b\x9b") == "a\n b\\u009b"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda values: st.lists(values) | st.dictionaries(st.text(), values),
)


@given(json_values, st.sampled_from([None, 2]))
def test_json_stays_json_and_means_the_same(value: object, indent: int | None) -> None:
    shown = printable_json(json.dumps(value, ensure_ascii=False, indent=indent))

    assert json.loads(shown) == value
    assert [c for c in shown if unicodedata.category(c) in HIDDEN and c != "\n"] == []
