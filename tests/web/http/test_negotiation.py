import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import Headers

from app.web.http.negotiation import (
    HEADER_LENGTH_MAX,
    preferred_languages,
    wants_json_answer,
    wants_page,
)

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"

JSON = [
    "application/json",
    "application/json, */*",
    "application/json, text/plain, */*",
    "text/html;q=0.8, application/json",
    "text/html;q=0.8, application/json;q=0.9",
    "application/*",
    "application/*, */*;q=0.5",
    "APPLICATION/JSON",
    "application/json ; charset=utf-8",
    "text/html;q=0, application/json;q=0.001",
    "*/*, text/html;q=0.1",
    "application/json, text/*",
]
HTML = [
    BROWSER,
    "text/html",
    "text/html, */*",
    "text/*",
    "text/html, application/json;q=0.9",
    "application/json;q=0, */*",
    "*/*, application/json;q=0.1",
    "Text/HTML",
    "text/html;level=1",
]
NEITHER = [
    "*/*",
    "",
    " ",
    ",",
    "image/png",
    "text/html, application/json",
    "application/json, text/html",
    "application/json;q=0.5, text/html;q=0.5",
    "text/plain",
    "application/problem+json",
    "html",
    ";q=1",
    "text/html;q=nonsense",
    "application/json;q=",
    "text/html;q=0",
]


def headers(accept: str | None = None, mode: str | None = None) -> Headers:
    given_ = {"accept": accept, "sec-fetch-mode": mode}
    return Headers({name: value for name, value in given_.items() if value is not None})


@pytest.mark.parametrize("accept", JSON)
def test_a_caller_who_likes_json_better_gets_data_and_no_page(accept: str) -> None:
    assert wants_json_answer(headers(accept))
    assert not wants_page(headers(accept))


@pytest.mark.parametrize("accept", HTML)
def test_a_caller_who_likes_html_better_gets_a_redirect_and_pages(accept: str) -> None:
    assert not wants_json_answer(headers(accept))
    assert wants_page(headers(accept))


@pytest.mark.parametrize("accept", [None, *NEITHER])
def test_a_caller_without_a_preference_gets_a_redirect_and_problems(accept: str | None) -> None:
    assert not wants_json_answer(headers(accept))
    assert not wants_page(headers(accept))


@pytest.mark.parametrize("mode", ["cors", "same-origin", "no-cors"])
@pytest.mark.parametrize("accept", [None, *HTML])
def test_a_script_in_a_page_gets_data_with_any_accept_header(mode: str, accept: str | None) -> None:
    assert wants_json_answer(headers(accept, mode))
    assert not wants_page(headers(accept, mode))


@pytest.mark.parametrize("mode", ["navigate", "websocket", "", "CORS-like"])
def test_in_any_other_mode_the_accept_header_decides(mode: str) -> None:
    assert not wants_json_answer(headers(BROWSER, mode))
    assert wants_page(headers(BROWSER, mode))
    assert wants_json_answer(headers("application/json", mode))


@pytest.mark.parametrize(("length", "is_read"), [(HEADER_LENGTH_MAX, True), (30_000, False)])
def test_a_header_that_no_browser_sends_counts_as_absent(length: int, is_read: bool) -> None:  # noqa: FBT001 a test's parameter
    json, html, languages = (
        text + "," * (length - len(text)) for text in ("application/json", "text/html", "de")
    )

    assert wants_json_answer(headers(json)) is is_read
    assert wants_page(headers(html)) is is_read
    assert ("de" in preferred_languages(languages)) is is_read


@settings(deadline=None)
@given(st.text(st.characters(codec="latin-1"), max_size=60), st.sampled_from(["navigate", "cors"]))
def test_no_header_is_too_odd_and_nobody_is_both_program_and_person(accept: str, mode: str) -> None:
    asked = headers(accept, mode)

    assert not (wants_json_answer(asked) and wants_page(asked))
