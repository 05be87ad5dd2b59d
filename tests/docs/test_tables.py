"""The documentation's lists match the code: settings, errors, events, metrics, commands."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from prometheus_client import Counter, Enum, Gauge, Histogram
from pydantic import SecretStr
from stripe.params import WebhookEndpointCreateParams

from app.commands.cli import cli
from app.domain.fold.records import EventState
from app.domain.payments.status import PaymentStatus
from app.domain.stripe_events.readers import READERS, READERS_BY_PREFIX
from app.domain.stripe_events.registered import REGISTERED_TYPES
from app.observability.metrics import Metrics
from app.settings.settings import Settings
from app.web.statuses import STATUS
from tests.support.docs.documents import (
    API,
    OPERATE,
    ROOT,
    SETTINGS,
    SHOP_PAGES,
    code,
    code_spans,
    documents,
    table,
)
from tests.support.docs.running import Demo

REQUIRED, UNSET = "**required**", "unset"
ENV_LINE = re.compile(r"(?P<comment># )?(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)")


def settings_and_defaults() -> dict[str, str]:
    """Each setting by its name in the environment, with its default as the table writes it."""
    return {
        name.upper(): REQUIRED if field.is_required() else as_text(field.get_default())
        for name, field in Settings.model_fields.items()
    }


def as_text(default: object) -> str:
    match default:
        case SecretStr():
            return f"`{default.get_secret_value()}`"
        case None | ():
            return UNSET
        case bool() | StrEnum():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`{','.join(default)}`"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def env_example() -> Iterator[re.Match[str]]:
    for line in (ROOT / ".env.example").read_text().splitlines():
        match = ENV_LINE.fullmatch(line)
        if match:
            yield match
        else:
            assert not line or line.startswith("# "), f"neither comment nor setting: {line}"


def compose_variables() -> dict[str, str]:
    """What docker-compose.yml takes from `.env`, with its default."""
    text = (ROOT / "docker-compose.yml").read_text()
    return dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))


def test_the_settings_table_has_every_setting_with_its_default() -> None:
    rows = table(SETTINGS, "All settings", "name").rows

    assert {name: default for name, default, _ in rows} == {
        f"`{name}`": default for name, default in settings_and_defaults().items()
    }
    assert [name for name, _, meaning in rows if not meaning] == []


def test_the_example_env_file_has_every_setting_once() -> None:
    names = [match["name"] for match in env_example()]

    assert sorted(names) == sorted({*settings_and_defaults(), *compose_variables()})


def test_the_example_env_file_leaves_only_the_required_settings_to_fill_in() -> None:
    settings = settings_and_defaults()
    to_fill_in = [match["name"] for match in env_example() if not match["comment"]]

    assert to_fill_in == [
        *(name for name in settings if settings[name] == REQUIRED),
        "CHECKOUT_ENV_FILE",
    ]
    assert [match[0] for match in env_example() if match["name"] in to_fill_in][-1] == (
        "CHECKOUT_ENV_FILE=.env"
    )
    assert [match[0] for match in env_example() if settings.get(match["name"]) == REQUIRED] == [
        f"{name}=" for name in to_fill_in[:-1]
    ]


def test_what_the_example_env_file_comments_out_is_the_default() -> None:
    defaults = {name: default.strip("`") for name, default in settings_and_defaults().items()}
    of_compose = {name: default or UNSET for name, default in compose_variables().items()}
    commented = {m["name"]: m["value"] or UNSET for m in env_example() if m["comment"]}

    assert commented == {name: ({**of_compose, **defaults})[name] for name in commented}


def test_the_error_table_has_every_code_with_its_status() -> None:
    rows = table(API, "Errors", "code").rows

    assert sorted((code.strip("`"), int(status)) for code, status, *_ in rows) == sorted(
        {(error.code, status) for error, status in STATUS.items()}
    )
    assert [row for row in rows if not all(row)] == []


def test_the_status_table_has_every_status() -> None:
    rows = table(SHOP_PAGES, "The success page", "status").rows

    assert [name for cell, _ in rows for name in code_spans(cell)] == list(PaymentStatus)


def events_to_select() -> list[str]:
    """The list that a shop's owner ticks in Stripe's dashboard."""
    text = OPERATE.read_text().partition("## Register the webhook endpoint")[2]
    return text.partition("```text\n")[2].partition("```")[0].split()


def stripe_event_types() -> set[str]:
    """Every type that Stripe lets an endpoint ask for, by its own SDK."""
    annotation: Any = WebhookEndpointCreateParams.__annotations__["enabled_events"]
    (literal,) = get_args(annotation)
    return set(get_args(literal)) - {"*"}


def test_the_events_to_select_are_ones_that_stripe_has() -> None:
    listed = events_to_select()

    assert len(listed) == len(set(listed)) > 30
    assert set(listed) - stripe_event_types() == set()


def test_every_event_to_select_is_understood() -> None:
    unread = {type_ for type_ in events_to_select() if not is_read(type_)}

    assert unread == {"account.application.deauthorized"}


def test_the_events_to_select_are_those_that_are_looked_for_when_missed() -> None:
    assert events_to_select() == list(REGISTERED_TYPES)


def is_read(type_: str) -> bool:
    return type_ in READERS or type_.startswith(tuple(READERS_BY_PREFIX))


def test_the_table_of_events_has_every_one_that_is_understood() -> None:
    rows = table(ROOT / "docs/payments.md", "The events", "events").rows
    listed = [type_ for types, _, _ in rows for type_ in code_spans(types)]

    assert sorted(listed) == sorted([*READERS, *(f"{prefix}*" for prefix in READERS_BY_PREFIX)])


def test_the_table_of_statuses_has_every_status() -> None:
    rows = table(ROOT / "docs/payments.md", "The status", "status").rows

    assert [name for cell, _ in rows for name in code_spans(cell)] == list(PaymentStatus)


def test_the_diagram_of_statuses_has_every_status_and_its_ends_are_the_final_ones() -> None:
    text = (ROOT / "docs/payments.md").read_text().partition("stateDiagram-v2")[2]
    arrows = re.findall(r"(\S+) --> ([^\s:]+)", text.partition("```")[0])

    assert {name for arrow in arrows for name in arrow} - {"[*]"} == set(PaymentStatus)
    assert {left for left, right in arrows if right == "[*]"} == {
        status for status in PaymentStatus if status.is_final
    }


def test_the_table_of_event_states_has_every_state() -> None:
    rows = table(ROOT / "docs/payments.md", "How an event finds its payment", "state of an event")

    assert sorted(name for cell, _ in rows.rows for name in code_spans(cell)) == sorted(EventState)


def metrics_and_labels() -> dict[str, tuple[str, ...]]:
    """Each metric of ours by the name that /metrics shows, with its labels."""
    found, metrics = {}, Metrics()
    metrics.show_reconciled_until()
    for collector in vars(metrics).values():
        if isinstance(collector, Counter | Gauge | Histogram):
            (family,) = collector.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = tuple(collector._labelnames)  # noqa: SLF001 told nowhere else
        elif isinstance(collector, Enum):
            (family,) = collector.collect()
            found[family.name] = tuple(
                {label for sample in family.samples for label in sample.labels}
            )
    return found


def test_the_metrics_table_has_every_metric_of_ours_with_its_labels() -> None:
    rows = table(OPERATE, "Metrics", "metric").rows

    listed = {name.strip("`"): tuple(code_spans(labels)) for name, labels, _ in rows}
    assert listed == metrics_and_labels()
    assert len(listed) >= 7


def test_the_breakers_row_has_every_state_that_the_metric_has() -> None:
    meanings = {
        name.strip("`"): meaning for name, _, meaning in table(OPERATE, "Metrics", "metric").rows
    }
    (family,) = Metrics().breaker.collect()
    states = {state for sample in family.samples for state in sample.labels.values()}

    assert set(code_spans(meanings[family.name])) == states


def log_lines() -> set[str]:
    """The name of every line that the service logs; the sandbox's are not an operator's."""
    call = re.compile(r'\b_log\.(\w+)\((?:[^"]*?,)?\s*"(\w+)"')
    service = [path for path in (ROOT / "app").rglob("*.py") if "sandbox" not in path.parts]
    return {name for path in service for _, name in call.findall(path.read_text())}


def test_the_log_table_has_every_line_that_the_service_writes() -> None:
    rows = table(OPERATE, "Log", "line").rows

    assert {name for cell, _ in rows for name in code_spans(cell)} == log_lines()


def test_the_endpoints_table_has_every_address_that_is_answered(demo: Demo) -> None:
    rows = table(API, "Endpoints", "method and path").rows
    listed = {tuple(span.split()) for cell, _ in rows for span in code_spans(cell)}

    paths = httpx.get(f"{demo.service_url}/openapi.json", trust_env=False).json()["paths"]

    answered = {(method.upper(), path) for path in paths for method in paths[path]}
    assert listed == answered | {("GET", "/docs"), ("GET", "/openapi.json"), ("GET", "/console")}


def cli_commands() -> set[str]:
    single = {
        command.name or command.callback.__name__
        for command in cli.registered_commands
        if command.callback
    }
    return single | {group.name for group in cli.registered_groups if group.name}


def test_the_commands_table_has_every_command() -> None:
    rows = table(OPERATE, "Commands", "command").rows

    assert {name.strip("`") for name, _ in rows} == {f"altan-checkout {c}" for c in cli_commands()}


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_make_target_that_a_document_names_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = set[str]()
    made = set[str]()
    for line in code(path):
        commands |= set(re.findall(r"(?:^|\s|/)altan-checkout ([a-z][a-z-]*)", line))
        made |= set(re.findall(r"^make ([a-z0-9-]+)", line))

    assert commands - cli_commands() == set()
    assert made - targets == set()
