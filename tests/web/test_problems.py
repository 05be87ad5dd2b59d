from collections import Counter

import orjson
import pytest
from starlette.types import Scope

from app.adapters.altan_pay.bulkhead import NoPlaceError
from app.domain import errors
from app.domain.errors import (
    CheckoutError,
    Fault,
    InvalidCartError,
    NotFoundError,
    RateLimitedError,
    RowsRefusedError,
    ServiceFailedError,
    StorageUnavailableError,
)
from app.web import errors as request_errors
from app.web.errors import (
    FormRefusedError,
    InternalError,
    InvalidQueryError,
    MethodNotAllowedError,
    QueryFault,
    TooManyGuessesError,
)
from app.web.problems import Problems
from app.web.statuses import STATUS, status_of
from tests.support import problem_answers

CONTRACT = {
    "invalid_json": 400,
    "signature_missing": 400,
    "signature_invalid": 400,
    "invalid_event": 400,
    "origin_not_allowed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "body_timeout": 408,  # not in the contract, which leaves a body that never ends to us
    "cursor_expired": 410,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "checkout_in_progress": 409,
    "invalid_cart": 422,
    "price_not_for_sale": 422,
    "idempotency_key_reused": 422,
    "redirect_not_allowed": 422,
    "cart_refused": 422,
    "rate_limited": 429,
    "internal_error": 500,
    "altan_pay_misconfigured": 502,
    "altan_pay_malformed": 502,
    "altan_pay_unavailable": 503,
    "overloaded": 503,
    "storage_unavailable": 503,
    "invalid_wait": 422,
    "altan_pay_timeout": 504,
    "unauthorized": 401,
    "forbidden": 403,
    "invalid_query": 422,
}
ABSTRACT = {"CheckoutError", "RequestWrongError", "ConflictError", "ServiceFailedError"}


def every_error() -> list[type[CheckoutError]]:
    """All kinds of error that a caller can meet, found by walking the tree.

    An adapter may refine one for its own use; to a caller it is what it refines.
    """
    found: list[type[CheckoutError]] = []
    waiting: list[type[CheckoutError]] = [CheckoutError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__name__ not in ABSTRACT and kind.__module__ in {
            errors.__name__,
            request_errors.__name__,
        }:
            found.append(kind)
    return sorted(found, key=lambda kind: kind.__name__)


def made(kind: type[CheckoutError]) -> CheckoutError:
    if kind is MethodNotAllowedError:
        return MethodNotAllowedError("POST")
    if issubclass(kind, RateLimitedError):
        return kind("Some words.", limit=30, remaining=0, retry_after_s=7)
    if kind is InvalidQueryError:
        return InvalidQueryError([QueryFault("limit", "must be a whole number")])
    return InternalError() if kind is InternalError else kind("Some words.")


def scope(accept: str = "*/*", method: str = "GET") -> Scope:
    return {
        "type": "http",
        "method": method,
        "headers": [(b"accept", accept.encode())],
        "state": {"request_id": "request-1"},
    }


@pytest.fixture
def problems() -> Problems:
    return problem_answers.problems()


def test_every_error_has_a_status_and_the_table_has_nothing_else() -> None:
    """Too many wrong tokens, and forms from elsewhere, have the status of what they refine."""
    assert set(STATUS) == set(every_error()) - {TooManyGuessesError, FormRefusedError}


def test_codes_and_statuses_are_the_contracts() -> None:
    assert {kind.code: status for kind, status in STATUS.items()} == CONTRACT


def test_no_two_errors_share_a_code_but_the_two_kinds_of_storage_trouble() -> None:
    shared = {code for code, times in Counter(kind.code for kind in STATUS).items() if times > 1}

    assert shared == {StorageUnavailableError.code}
    assert issubclass(RowsRefusedError, StorageUnavailableError)


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_complete_problem(problems: Problems, kind: type[CheckoutError]) -> None:
    error = made(kind)

    response = problems.answer(error, scope())

    assert response.status_code == status_of(kind)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["vary"] == "Accept, Sec-Fetch-Mode"
    document = orjson.loads(bytes(response.body))
    faults = document.pop("errors", [])
    named = {"parameter": "limit", "detail": "must be a whole number"}
    assert faults == ([named] if kind is InvalidQueryError else [])
    assert document == {
        "type": f"urn:altan-checkout:error:{kind.code}",
        "title": kind.title,
        "status": status_of(kind),
        "detail": error.detail,
        "code": kind.code,
        "request_id": "request-1",
    }


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
def test_every_error_is_a_page_for_a_person(problems: Problems, kind: type[CheckoutError]) -> None:
    error = made(kind)

    response = problems.answer(error, scope("text/html"))

    html = bytes(response.body).decode()
    assert response.status_code == status_of(kind)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert error.detail in html
    assert kind.code in html
    assert "request-1" in html
    assert '<a href="https://shop.example">' in html


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("accept", ["*/*", "text/html"])
def test_a_client_that_may_retry_gets_the_delay(
    problems: Problems, kind: type[CheckoutError], accept: str
) -> None:
    response = problems.answer(made(kind), scope(accept))

    assert ("retry-after" in response.headers) == (status_of(kind) in {409, 429, 503})
    assert ("connection" in response.headers) == (status_of(kind) in {408, 413})
    assert ("allow" in response.headers) == (status_of(kind) == 405)


@pytest.mark.parametrize(
    ("accept", "method", "refresh"),
    [("text/html", "GET", "5"), ("text/html", "POST", None), ("*/*", "GET", None)],
)
def test_a_person_who_only_looks_is_brought_again_and_nobody_buys_twice(
    problems: Problems, accept: str, method: str, refresh: str | None
) -> None:
    response = problems.answer(StorageUnavailableError("Some words."), scope(accept, method))

    assert response.headers.get("refresh") == refresh


def test_what_stays_wrong_is_not_looked_at_again(problems: Problems) -> None:
    response = problems.answer(NotFoundError("Some words."), scope("text/html"))

    assert "refresh" not in response.headers


def test_faults_are_listed_with_pointer_and_detail(problems: Problems) -> None:
    error = InvalidCartError("words", faults=[Fault("/a", "one"), Fault("", "two")])

    response = problems.answer(error, scope())

    assert orjson.loads(bytes(response.body))["errors"] == [
        {"pointer": "/a", "detail": "one"},
        {"pointer": "", "detail": "two"},
    ]


def test_the_operators_reason_is_not_for_the_caller(problems: Problems) -> None:
    kinds = [kind for kind in every_error() if issubclass(kind, ServiceFailedError)]

    answers = [
        bytes(problems.answer(kind("words", reason="what happened inside"), scope(accept)).body)
        for kind in kinds
        for accept in ("*/*", "text/html")
    ]

    assert len(answers) >= 12
    assert not any(b"what happened inside" in answer for answer in answers)


def test_markup_in_an_error_stays_text(problems: Problems) -> None:
    error = InvalidCartError("<b>bold</b>", faults=[Fault("/<script>", '<img src=x onerror="x">')])

    html = bytes(problems.answer(error, scope("text/html")).body).decode()

    assert "<b>" not in html
    assert "<script" not in html
    assert "<img" not in html
    assert "&lt;b&gt;bold&lt;/b&gt;" in html


def test_an_answer_without_a_request_id_is_still_an_answer(problems: Problems) -> None:
    response = problems.answer(NotFoundError("x"), {"type": "http", "headers": [], "state": {}})

    assert orjson.loads(bytes(response.body))["request_id"] == ""


def test_a_page_of_problems_asks_for_nothing_from_elsewhere(problems: Problems) -> None:
    response = problems.answer(NotFoundError("x"), scope("text/html"))

    html = bytes(response.body).decode()
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert "src=" not in html
    assert "@import" not in html
    assert "url(" not in html


def test_errors_of_http_are_separate_from_the_domains() -> None:
    own = [kind for kind in every_error() if kind.__module__ == request_errors.__name__]

    assert len(own) == 13


def test_an_error_that_an_adapter_refines_is_what_it_refines_to_a_caller(
    problems: Problems,
) -> None:
    response = problems.answer(NoPlaceError("Some words."), scope())

    assert response.status_code == 503
    assert orjson.loads(bytes(response.body))["code"] == "altan_pay_unavailable"


def test_a_refusal_has_the_limit_and_its_reset(problems: Problems) -> None:
    error = RateLimitedError("Some words.", limit=30, remaining=0, retry_after_s=7)

    headers = problems.answer(error, scope()).headers

    assert headers["retry-after"] == headers["ratelimit-reset"] == "7"
    assert (headers["ratelimit-limit"], headers["ratelimit-remaining"]) == ("30", "0")
