"""Settings that are lists: with commas or as JSON."""

import json
from pathlib import Path

import pytest

from tests.support.settings_loading import Load, shown


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("https://a.example", ("https://a.example",)),
        ("https://a.example,https://b.example", ("https://a.example", "https://b.example")),
        (" https://a.example , https://b.example ,", ("https://a.example", "https://b.example")),
        ('["https://a.example", "https://b.example"]', ("https://a.example", "https://b.example")),
        (' ["https://a.example"] ', ("https://a.example",)),
        (
            "HTTPS://A.example:443/,http://B.example:8080",
            ("https://a.example", "http://b.example:8080"),
        ),
    ],
)
def test_origins_are_listed_with_commas_or_as_a_json_array(
    load: Load, text: str, values: tuple[str, ...]
) -> None:
    settings = load(ALLOWED_ORIGINS=text)

    assert settings.allowed_origins == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("checkout.stripe.com,pay.shop.example", ("checkout.stripe.com", "pay.shop.example")),
        ('["Checkout.Stripe.com"]', ("checkout.stripe.com",)),
        ("localhost:8001,[::1]:8001", ("localhost:8001", "[::1]:8001")),
        ("pay.shop.example:443", ("pay.shop.example",)),
    ],
)
def test_hosts_are_listed_with_commas_or_as_a_json_array(
    load: Load, text: str, values: tuple[str, ...]
) -> None:
    settings = load(CHECKOUT_URL_HOSTS=text)

    assert settings.checkout_url_hosts == values


LISTS = ["ALLOWED_ORIGINS", "CHECKOUT_URL_HOSTS", "STRIPE_WEBHOOK_SECRETS", "TRUSTED_PROXIES"]


@pytest.mark.parametrize("where", ["environment", "dotenv", "secrets"])
@pytest.mark.parametrize("value", [",", " , ,", "[]", "[ ]", "null", "  ", '[""]', '[" "]'])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_that_is_set_but_names_nothing_is_refused(
    load: Load, secrets_dir: Path, name: str, value: str, where: str
) -> None:
    changes: dict[str, str | None] = {name: value if where == "environment" else None}
    if where == "dotenv":
        Path(".env").write_text(f"{name}='{value}'\n")
    if where == "secrets":
        if not value.strip():
            pytest.skip("a file of spaces is an empty file: not set")
        (secrets_dir / name).write_text(value)

    (line,) = load.lines(**changes)

    assert line == f"{name} is wrong: is set, but empty; fill it in or remove it"


def test_a_list_left_empty_as_compose_writes_it_is_not_set(load: Load, secrets_dir: Path) -> None:
    (secrets_dir / "STRIPE_WEBHOOK_SECRETS").write_text("whsec_of_a_file")

    settings = load(**dict.fromkeys(LISTS, ""))

    assert settings.allowed_origins is None
    assert settings.checkout_url_hosts == ("checkout.stripe.com",)
    assert settings.trusted_proxies == ()
    assert shown(settings.stripe_webhook_secrets) == ["whsec_of_a_file"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STRIPE_WEBHOOK_SECRETS", "hunter2hunter2,hunter3hunter3"),
        ("ALLOWED_ORIGINS", "shop,https://shop.example/x"),
        ("CHECKOUT_URL_HOSTS", "a/b,c/d,e f"),
    ],
)
def test_a_list_with_several_faults_is_still_one_line(load: Load, name: str, value: str) -> None:
    lines = load.lines(**{name: value})

    assert len(lines) == 1


def test_lists_as_json_are_what_a_json_writer_writes(load: Load) -> None:
    origins = ["https://a.example", "https://b.example"]

    settings = load(ALLOWED_ORIGINS=json.dumps(origins, indent=1))

    assert settings.shop_origins == frozenset(origins)
