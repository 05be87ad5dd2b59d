"""ORDERS_TABLE_…: what is refused at the start, without being repeated."""

import pytest

from tests.support.settings_loading import Load

KEY = "eyJ.service.hunter2"
URL = "https://db.test/rest/v1/checkout_orders"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://db.test/hunter2/rest/v1/checkout_orders", "db.test"),
        ("http://127.0.0.1:3000/checkout_orders", "127.0.0.1"),
        ("http://postgrest:3000/checkout_orders/", "postgrest"),
    ],
)
def test_a_table_is_shown_as_its_host_alone(load: Load, url: str, host: str) -> None:
    loaded = load(ORDERS_TABLE_URL=url, ORDERS_TABLE_KEY=KEY)

    assert loaded.orders_table_url
    assert loaded.orders_table_url.get_secret_value() == url
    assert loaded.orders_table_host == host
    assert "hunter2" not in repr(loaded)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ORDERS_TABLE_URL", "http://db.test/hunter2", "must be https"),
        ("ORDERS_TABLE_URL", "hunter2", "for example https://db.shop.example/rest/v1/"),
        ("ORDERS_TABLE_URL", f"{URL}?hunter2=1", "must have no query"),
        ("ORDERS_TABLE_URL", f"{URL}#hunter2", "no fragment"),
        ("ORDERS_TABLE_URL", "https://hunter2.test/", "must name the table"),
        ("ORDERS_TABLE_URL", "https://169.254.169.254/hunter2", "link-local or metadata"),
        ("ORDERS_TABLE_KEY", "a hunter2", "without spaces"),
        ("ORDERS_TABLE_KEY", "hunter2" * 600, "1 to 4000"),
    ],
)
def test_what_cannot_be_used_is_refused_and_never_repeated(
    load: Load, name: str, value: str, words: str
) -> None:
    values = {"ORDERS_TABLE_URL": URL, "ORDERS_TABLE_KEY": KEY} | {name: value}
    (line,) = load.lines(**values)

    assert line.startswith(f"{name} is wrong: ")
    assert words in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("values", "missing", "needs"),
    [
        ({"ORDERS_TABLE_URL": URL}, "ORDERS_TABLE_KEY", "ORDERS_TABLE_URL"),
        ({"ORDERS_TABLE_KEY": KEY}, "ORDERS_TABLE_URL", "ORDERS_TABLE_KEY"),
    ],
)
def test_one_without_the_other_is_refused(
    load: Load, values: dict[str, str], missing: str, needs: str
) -> None:
    (line,) = load.lines(**values)

    assert line.startswith(f"{missing} is missing, which {needs} needs")
