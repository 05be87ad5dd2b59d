"""Every alert has a rule and a row in the documentation, and the rules work."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from app.usecases.ports import AlertName

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/alerts.yml"
RULE_TESTS = ROOT / "deploy/prometheus/alerts_test.yml"
PAGE = ROOT / "docs/alerts.md"


def rules() -> list[dict[str, object]]:
    document = YAML(typ="safe").load(RULES)
    found = [rule for group in document["groups"] for rule in group["rules"]]
    return [rule for rule in found if "alert" in rule]


@pytest.mark.parametrize("name", AlertName)
def test_every_alert_has_a_rule_that_fires_on_its_counter(name: AlertName) -> None:
    expressions = [str(rule["expr"]) for rule in rules()]

    assert [e for e in expressions if f'altan_checkout:alerts:recent{{name="{name}"}}' in e]


@pytest.mark.parametrize("name", AlertName)
def test_every_alert_has_a_line_of_what_to_do(name: AlertName) -> None:
    pattern = rf'^\| <a id="{name}"></a>`{name}` \| .+ \| .+ \|$'

    row = re.search(pattern, PAGE.read_text(), re.MULTILINE)

    assert row is not None


def test_every_rule_leads_to_a_line_of_the_page() -> None:
    anchors = set(re.findall(r'<a id="([^"]+)">', PAGE.read_text()))

    runbooks = {str(rule["annotations"]["runbook"]) for rule in rules()}  # type: ignore[index]

    assert {runbook.removeprefix("docs/alerts.md#") for runbook in runbooks} <= anchors


def test_every_row_says_the_severity_that_its_rule_has() -> None:
    rows = re.findall(r'^\| <a id="([^"]+)"></a>[^|]+\| (\w+) \|', PAGE.read_text(), re.MULTILINE)

    of_rules = {
        str(rule["annotations"]["runbook"]).partition("#")[2]: rule["labels"]["severity"]  # type: ignore[index]
        for rule in rules()
    }

    assert dict(rows) == of_rules


@pytest.mark.skipif(
    shutil.which("promtool") is None and "CI" not in os.environ,
    reason="promtool is not here; CI installs it (Debian's package prometheus)",
)
@pytest.mark.parametrize("arguments", [["check", "rules", RULES], ["test", "rules", RULE_TESTS]])
def test_promtool_accepts_the_rules_and_their_tests_pass(arguments: list[str | Path]) -> None:
    run = subprocess.run(  # noqa: S603 a fixed command
        ["promtool", *map(str, arguments)],  # noqa: S607 wherever it is installed
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
