"""docker-compose.yml and its env files agree with each other, the service and the sandbox."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from dotenv import dotenv_values
from pydantic import AliasChoices, ValidationError
from ruamel.yaml import YAML

from app.settings.settings import Settings
from sandbox.config import SandboxConfig

ROOT = Path(__file__).parents[2]
Document = dict[str, Any]
DRAIN = timedelta(seconds=20)  # the contract: what is in flight is finished within this


def with_defaults(text: str) -> str:
    """The text as compose reads it where nothing is exported and there is no .env."""
    text = re.sub(r"\$\{\w+:\+[^}]*\}", "", text)
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


@pytest.fixture(scope="module")
def compose() -> Document:
    document: Document = YAML(typ="safe").load(
        with_defaults((ROOT / "docker-compose.yml").read_text())
    )
    return document


@pytest.fixture
def checkout(compose: Document) -> Document:
    service: Document = compose["services"]["checkout"]
    return service


@pytest.fixture
def sandbox(compose: Document) -> Document:
    service: Document = compose["services"]["sandbox"]
    return service


@pytest.fixture
def sandbox_settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, str | None]:
    """What the service gets where nobody configured anything."""
    monkeypatch.delenv("SANDBOX_PORT", raising=False)
    return dotenv_values(ROOT / "deploy/sandbox.env")


def setting_names() -> set[str]:
    """Every name that the service reads a setting from."""
    names = set[str]()
    for field, info in Settings.model_fields.items():
        alias = info.validation_alias
        names |= (
            {str(choice) for choice in alias.choices}
            if isinstance(alias, AliasChoices)
            else {field}
        )
    return {name.upper() for name in names}


def sandbox_settings_with(monkeypatch: pytest.MonkeyPatch, **others: str) -> Settings:
    """The service's settings from deploy/sandbox.env and these others alone."""
    for name in setting_names() | {"SANDBOX_PORT"}:
        monkeypatch.delenv(name, raising=False)
    sources: Document = {"_env_file": ROOT / "deploy/sandbox.env", **others}
    return Settings(**sources)


def exported_names() -> list[str]:
    lines = (ROOT / "deploy/exported.env").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_up_alone_starts_the_service_alone(compose: Document) -> None:
    profiles = {name: service.get("profiles") for name, service in compose["services"].items()}

    assert profiles == {
        "checkout": None,
        "sandbox": ["demo"],
        **{key: ["scale"] for key in ["replica", "migrate", "postgres", "redis", "balancer"]},
    }


def test_the_replicas_wait_for_the_schema_and_share_database_and_limits(compose: Document) -> None:
    services = compose["services"]
    replica = services["replica"]

    assert replica["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services["migrate"]["command"] == ["migrate"]
    assert services["migrate"]["environment"] == replica["environment"]
    assert urlsplit(replica["environment"]["DATABASE_URL"]).hostname in services
    assert urlsplit(replica["environment"]["RATE_LIMIT_STORAGE"]).hostname in services
    assert "ports" not in replica  # so that there can be many
    assert [name for name in services if "ports" in services[name]] == ["checkout", "balancer"]


def test_the_replicas_believe_the_balancers_network_alone(compose: Document) -> None:
    (network,) = compose["networks"]["scale"]["ipam"]["config"]

    assert compose["services"]["replica"]["environment"]["TRUSTED_PROXIES"] == network["subnet"]


def test_the_balancer_finds_the_replicas_by_their_name_and_port(compose: Document) -> None:
    caddyfile = (ROOT / "deploy/Caddyfile").read_text()
    port = compose["services"]["replica"]["environment"]["PORT"]

    assert "name {$REPLICA_NAME:replica}" in caddyfile
    assert f"port {{$REPLICA_PORT:{port}}}" in caddyfile
    assert "replica" in compose["services"]


def test_the_balancer_and_the_replicas_believe_the_same_proxy_in_front() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    services = YAML(typ="safe").load(text)["services"]

    # Without a value compose hands on what is in .env, and nothing where nothing is.
    assert services["balancer"]["environment"]["FRONT_PROXY"] is None
    assert services["replica"]["environment"]["TRUSTED_PROXIES"].endswith(
        "${FRONT_PROXY:+,}${FRONT_PROXY:-}"
    )
    assert "{$FRONT_PROXY:" in (ROOT / "deploy/Caddyfile").read_text()


def test_every_port_is_published_on_this_machine_only(checkout: Document) -> None:
    assert checkout["ports"] == ["127.0.0.1:8000:8000", "127.0.0.1:9000:9000"]


def test_a_stop_waits_longer_than_the_service_drains(checkout: Document) -> None:
    assert timedelta(seconds=int(checkout["stop_grace_period"].removesuffix("s"))) > DRAIN


def test_a_fresh_clone_has_every_env_file(checkout: Document) -> None:
    paths = [entry["path"] for entry in checkout["env_file"]]

    assert paths == ["deploy/sandbox.env", "deploy/exported.env"]
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_exported_names_carry_no_value_that_would_replace_a_configured_one() -> None:
    assert [name for name in exported_names() if not re.fullmatch(r"[A-Z][A-Z_]*", name)] == []


def test_every_setting_can_be_exported_but_the_address_inside_the_container() -> None:
    assert setting_names() - set(exported_names()) == {"HOST", "PORT"}


def test_the_sandbox_s_env_file_names_settings_only(
    sandbox_settings: dict[str, str | None],
) -> None:
    assert set(sandbox_settings) - setting_names() == set()


def test_the_sandbox_s_env_file_is_all_that_the_service_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sandbox_settings_with(monkeypatch).is_sandbox


def test_half_a_deployment_with_the_sandbox_s_secret_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ValidationError, match="published secret"):
        sandbox_settings_with(monkeypatch, altan_pay_url="https://pay.altan.ai")


def test_the_sandbox_takes_the_service_s_ids(sandbox_settings: dict[str, str | None]) -> None:
    assert sandbox_settings["ALTAN_ACCOUNT_ID"] == SandboxConfig().account_id
    assert sandbox_settings["ALTAN_STRIPE_CONNECT_ID"] == SandboxConfig().stripe_connect_id


def test_the_service_takes_the_sandbox_s_events(
    sandbox: Document,
    checkout: Document,
    sandbox_settings: dict[str, str | None],
) -> None:
    webhook = urlsplit(sandbox["environment"]["SANDBOX_WEBHOOK_URL"])

    assert (
        sandbox["environment"]["SANDBOX_WEBHOOK_SECRET"]
        == (sandbox_settings["STRIPE_WEBHOOK_SECRETS"])
    )
    assert str(webhook.port) == checkout["environment"]["PORT"]
    assert webhook.path == "/webhooks/stripe"


def test_the_shop_s_order_desk_may_ask_the_service(
    sandbox: Document, sandbox_settings: dict[str, str | None]
) -> None:
    assert sandbox["environment"]["SANDBOX_API_TOKEN"] == sandbox_settings["API_TOKENS"]


def test_the_service_calls_the_sandbox_on_their_common_loopback(
    sandbox: Document,
    sandbox_settings: dict[str, str | None],
) -> None:
    altan_pay = urlsplit(sandbox_settings["ALTAN_PAY_URL"] or "")

    assert sandbox["network_mode"] == "service:checkout"
    assert altan_pay.hostname == "127.0.0.1"
    assert sandbox["command"][-2:] == ["--port", str(altan_pay.port)]


def test_a_browser_gets_from_the_shop_to_the_service_to_the_payment_page(
    sandbox: Document,
    checkout: Document,
    sandbox_settings: dict[str, str | None],
) -> None:
    public = sandbox["environment"]["SANDBOX_PUBLIC_URL"]
    published = {entry.split(":")[1] for entry in checkout["ports"]}

    assert sandbox_settings["CHECKOUT_URL_HOSTS"] == urlsplit(public).netloc
    assert sandbox_settings["APP_URL"] == public
    assert sandbox_settings["ALLOWED_ORIGINS"] == f"{public},any-loopback"
    for url in (public, sandbox["environment"]["SANDBOX_CHECKOUT_URL"]):
        assert str(urlsplit(url).port) in published
