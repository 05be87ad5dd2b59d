"""Gives each test a separate folder and environment."""

from pathlib import Path

import pytest

from tests.support.settings_loading import Load


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run-secrets"
    folder.mkdir()
    return folder


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, secrets_dir: Path) -> "Load":
    return Load(monkeypatch, secrets_dir)
