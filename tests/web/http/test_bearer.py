import pytest
from starlette.datastructures import Headers
from starlette.types import Scope

from app.domain.errors import NotFoundError
from app.web.errors import ForbiddenError, TooManyGuessesError, UnauthorizedError
from app.web.http.bearer import (
    CLIENTS_COUNTED_MAX,
    WRONG_TOKENS_MAX,
    WRONG_TOKENS_WINDOW_S,
    Access,
    Role,
    Tokens,
    WrongTokens,
    bearer_token,
)

SHOP = "shop-token-0123456789abcdef"
NEXT_SHOP = "next-shop-token-0123456789abcdef"
OPERATOR = "operator-token-0123456789abcdef"


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


def access(*, clock: Clock | None = None, shop: tuple[str, ...] = (SHOP, NEXT_SHOP)) -> Access:
    return Access(
        tokens=Tokens(shop=shop, operator=[OPERATOR] if shop else []),
        wrong_tokens=WrongTokens(clock or Clock()),
        trusted_proxies=(),
    )


def request(authorization: str | None, *, client: str = "192.0.2.1") -> Scope:
    headers = [] if authorization is None else [(b"authorization", authorization.encode("latin-1"))]
    return {"type": "http", "headers": headers, "client": (client, 4000)}


def guess(guarded: Access, times: int, *, client: str = "192.0.2.1") -> list[type[Exception]]:
    ended: list[type[Exception]] = []
    for number in range(times):
        with pytest.raises((UnauthorizedError, TooManyGuessesError)) as caught:
            guarded.require(Role.SHOP, request(f"Bearer wrong-{number}", client=client))
        ended.append(type(caught.value))
    return ended


@pytest.mark.parametrize("token", [SHOP, NEXT_SHOP, OPERATOR])
def test_every_token_may_do_what_the_shops_server_may(token: str) -> None:
    access().require(Role.SHOP, request(f"Bearer {token}"))


def test_an_operator_may_act_and_the_shops_server_may_not() -> None:
    access().require(Role.OPERATOR, request(f"Bearer {OPERATOR}"))
    with pytest.raises(ForbiddenError):
        access().require(Role.OPERATOR, request(f"Bearer {SHOP}"))


def test_while_no_token_is_set_the_address_does_not_exist() -> None:
    with pytest.raises(NotFoundError):
        access(shop=()).require(Role.SHOP, request(f"Bearer {SHOP}"))


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", f"Basic {SHOP}", SHOP, f"Bearer {SHOP}x", "Bearer \xff"],
)
def test_a_missing_or_wrong_token_is_refused(authorization: str | None) -> None:
    with pytest.raises(UnauthorizedError):
        access().require(Role.SHOP, request(authorization))


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [(None, "A token is needed: "), (f"Bearer {SHOP}x", "The token is not valid: ")],
)
def test_a_wrong_token_is_told_apart_from_none(authorization: str | None, detail: str) -> None:
    with pytest.raises(UnauthorizedError) as caught:
        access().require(Role.SHOP, request(authorization))

    assert caught.value.detail.startswith(detail)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert bearer_token(Headers({"authorization": f"{scheme}  {SHOP} "})) == SHOP


def test_a_client_that_guesses_must_wait() -> None:
    ended = guess(access(), WRONG_TOKENS_MAX + 1)

    assert ended == [UnauthorizedError] * WRONG_TOKENS_MAX + [TooManyGuessesError]


def test_a_valid_token_passes_after_any_guesses_from_its_address() -> None:
    guarded = access()
    guess(guarded, WRONG_TOKENS_MAX * 3)

    guarded.require(Role.SHOP, request(f"Bearer {SHOP}"))


def test_one_clients_guesses_are_not_another_clients() -> None:
    guarded = access()
    guess(guarded, WRONG_TOKENS_MAX + 1)

    assert guess(guarded, 1, client="198.51.100.9") == [UnauthorizedError]


def test_a_request_without_a_token_is_no_guess() -> None:
    guarded = access()
    for _ in range(WRONG_TOKENS_MAX * 2):
        with pytest.raises(UnauthorizedError):
            guarded.require(Role.SHOP, request(None))

    assert guess(guarded, 1) == [UnauthorizedError]


def test_after_the_window_guesses_count_from_the_start() -> None:
    clock = Clock()
    guarded = access(clock=clock)
    guess(guarded, WRONG_TOKENS_MAX + 1)
    clock.s += WRONG_TOKENS_WINDOW_S

    assert guess(guarded, 1) == [UnauthorizedError]


def test_the_wait_is_what_is_left_of_the_window() -> None:
    clock = Clock()
    counter = WrongTokens(clock)
    for _ in range(WRONG_TOKENS_MAX):
        assert counter.count("192.0.2.1") is None
    clock.s += 20

    assert counter.count("192.0.2.1") == 40


def test_however_many_guess_only_so_many_clients_are_counted() -> None:
    counter = WrongTokens(Clock())
    for number in range(CLIENTS_COUNTED_MAX + 5):
        counter.count(str(number))

    assert len(counter._counts) == CLIENTS_COUNTED_MAX  # noqa: SLF001 the bound is the point


@pytest.mark.parametrize(
    ("authorization", "is_server"),
    [(f"Bearer {SHOP}", True), (f"Bearer {OPERATOR}", True), ("Bearer wrong", False), ("", False)],
)
def test_a_cart_is_the_servers_only_with_a_right_token(
    authorization: str, *, is_server: bool
) -> None:
    assert access().is_from_the_shops_server(Headers({"authorization": authorization})) is is_server
