"""The examples for systemd and Prometheus are valid, and agree with the service."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs Prometheus' promtool")
def test_prometheus_accepts_the_example_and_finds_the_alert_rules() -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", "prometheus.example.yml"],  # noqa: S607 from the PATH
        cwd=DEPLOY / "prometheus",
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "SUCCESS: 1 rule files found" in checked.stdout


def test_the_unit_starts_the_service_and_waits_until_it_has_finished() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # its documented use
    unit.read(DEPLOY / "altan-checkout.service")
    service = unit["Service"]

    assert service["ExecStart"].endswith("/altan-checkout serve")
    assert int(service["TimeoutStopSec"]) > 20
    assert service["RestartPreventExitStatus"] == "2"
    assert service["ReadWritePaths"] == service["WorkingDirectory"]
