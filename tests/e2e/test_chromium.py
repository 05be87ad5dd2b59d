from pathlib import Path

import pytest

from tests.support.browser.chromium import NoChromiumError, find_chromium


def install(folder: Path, name: str) -> str:
    path = folder / name
    path.touch(mode=0o755)
    return str(path)


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)


def test_the_first_program_that_is_installed_is_taken(tmp_path: Path) -> None:
    chrome = install(tmp_path, "google-chrome")
    assert find_chromium() == chrome

    chromium = install(tmp_path, "chromium-browser")
    assert find_chromium() == chromium


def test_the_program_that_the_environment_names_is_taken_before_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "chromium")
    mine = install(tmp_path, "my-chromium")
    monkeypatch.setenv("CHROMIUM", mine)

    assert find_chromium() == mine


def test_if_none_is_installed_the_message_says_what_to_install() -> None:
    with pytest.raises(NoChromiumError, match="no chromium or chromium-browser or google-chrome"):
        find_chromium()


def test_a_named_program_that_is_not_there_is_never_replaced_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "chromium")
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")

    with pytest.raises(NoChromiumError, match=r"no /nowhere/chromium .* apt install chromium"):
        find_chromium()
