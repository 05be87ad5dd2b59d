import pytest

from app.domain.checkout.origins import ListedAndLoopback

SHOP = "https://shop.example"
ORIGINS = ListedAndLoopback(frozenset({SHOP}))


@pytest.mark.parametrize(
    "origin",
    [
        SHOP,
        "http://localhost",
        "http://localhost:5173",
        "http://127.0.0.1:3000",
        "http://[::1]:65535",
    ],
)
def test_listed_origins_and_pages_of_this_machine_are_in_it(origin: str) -> None:
    assert origin in ORIGINS


@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:5173",
        "http://localhost.evil.test:5173",
        "http://evil.test:5173",
        "http://localhost@evil.test",
        "http://localhost:5173/",
        "http://localhost:",
        "http://localhost:0",
        "http://localhost:\u0665",
        "http://localhost:5173\n",
        "http://127.0.0.1.evil.test",
        "http://128.0.0.1:5173",
        "null",
        "",
        "*",
        None,
    ],
)
def test_nothing_else_is_in_it(origin: object) -> None:
    assert origin not in ORIGINS


def test_only_the_listed_origins_are_counted() -> None:
    assert list(ORIGINS) == [SHOP]
    assert len(ORIGINS) == 1
