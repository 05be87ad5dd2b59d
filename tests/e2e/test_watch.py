"""The browser watch detects what it is for, so that its silence means something."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.browser.own_page import STRICT, OwnPage
from tests.support.browser.visitors import LANGUAGES, Variant, Visitors
from tests.support.browser.watch import Watch
from tests.support.builders import ROOT, until
from tests.support.wire import closed_port

INNER_TEST: Final = """
async def test_of_a_page_with_an_error(page):
    await page.goto("data:text/html,<script>console.error('alas')</script>")

async def test_of_a_page_with_an_error_that_is_expected(page, watch):
    watch.expect("alas")
    await page.goto("data:text/html,<script>console.error('alas')</script>")
"""
INNER_TEST_S: Final = 60.0


@pytest.fixture
def watch() -> Watch:
    """Here the test itself judges what was noticed."""
    return Watch()


def run_inner_test(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """INNER_TEST with this folder's fixtures, in a pytest of its own."""
    (folder / "conftest.py").write_text("from tests.e2e.conftest import *")
    (folder / "test_inner.py").write_text(INNER_TEST)
    return subprocess.run(  # noqa: S603 our own tests
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder), str(folder)),
        ],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=INNER_TEST_S,
        check=False,
    )


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("<script>console.error('alas')</script>", "console error: alas"),
        ("<script>console.warn('beware')</script>", "console warning: beware"),
        ("<script>throw new Error('oh')</script>", "page error: oh"),
        ("<script>Promise.reject(new Error('late'))</script>", "page error: late"),
        ("<img src='http://outside.example/x.png' alt=''>", "outside request: GET http://outside."),
        ("<script>fetch('https://outside.example/')</script>", "outside request: GET https://o"),
        ("<script>new WebSocket('ws://outside.example')</script>", "outside request: WebSocket ws"),
    ],
)
async def test_what_a_page_does_wrong_is_noticed(
    visitors: Visitors, watch: Watch, own_page: OwnPage, more: str, fault: str
) -> None:
    own_page.add(more)
    page = await visitors.new()

    await page.goto(own_page.url)

    await until(lambda: any(found.startswith(fault) for found in watch.faults))
    with pytest.raises(AssertionError, match="the browser noticed"):
        watch.assert_clean()


async def test_a_request_that_nobody_answers_is_noticed(
    visitors: Visitors, watch: Watch, own_page: OwnPage
) -> None:
    url = f"http://127.0.0.1:{closed_port()}/x.png"
    own_page.add(f"<img src='{url}' alt=''>")
    page = await visitors.new()

    await page.goto(own_page.url)

    await until(lambda: f"failed request: {url} (net::ERR_CONNECTION_REFUSED)" in watch.faults)


@pytest.mark.parametrize("more", ["<img src='/x.png' alt=''>", "<b style='color: red'>x</b>"])
@pytest.mark.parametrize("script", [True, False])
async def test_what_the_policy_forbids_is_noticed_with_script_and_without(
    visitors: Visitors, watch: Watch, own_page: OwnPage, more: str, *, script: bool
) -> None:
    own_page.add(more)
    own_page.headers = STRICT
    page = await visitors.new(Variant(script=script))

    await page.goto(own_page.url)

    def has_fault(words: str) -> bool:
        return any(words in found for found in watch.faults)

    await until(lambda: has_fault("violates the following"))
    if script:
        await until(lambda: has_fault("Content-Security-Policy: "))
    else:
        assert not has_fault("Content-Security-Policy: ")


async def test_a_good_page_with_a_strict_policy_is_left_in_peace(
    visitors: Visitors, watch: Watch, own_page: OwnPage
) -> None:
    own_page.headers = STRICT
    page = await visitors.new()

    await page.goto(own_page.url)
    await page.get_by_role("link").click()
    await page.wait_for_url("**/other")
    await visitors.leave()

    watch.assert_clean()


async def test_a_request_that_its_page_gives_up_by_leaving_is_no_fault(
    visitors: Visitors, watch: Watch, own_page: OwnPage
) -> None:
    page = await visitors.new()
    await page.goto(own_page.url)
    await page.route("**/never", lambda _: None)
    async with page.expect_request("**/never"):
        await page.evaluate("void fetch('/never').catch(() => {})")

    async with page.expect_event("requestfailed"):
        await page.goto(f"{own_page.url}/other")

    watch.assert_clean()


async def test_what_a_test_expects_is_no_fault_and_its_absence_is_one(
    visitors: Visitors, watch: Watch, own_page: OwnPage
) -> None:
    own_page.status = 422
    watch.expect("status of 422")
    absent = "expected, and did not happen: status of 422"
    assert watch.faults == [absent]
    page = await visitors.new()

    await page.goto(own_page.url)

    await until(lambda: absent not in watch.faults)
    watch.assert_clean()


async def test_what_a_test_allows_may_happen_or_not(
    visitors: Visitors, watch: Watch, own_page: OwnPage
) -> None:
    own_page.status = 503
    watch.allow("status of 503")
    watch.allow("status of 504")
    page = await visitors.new()

    async with page.expect_console_message():
        await page.goto(own_page.url)

    watch.assert_clean()


@pytest.mark.parametrize("variant", LANGUAGES, ids=str)
async def test_a_visitors_language_is_asked_for(
    visitors: Visitors, own_page: OwnPage, variant: Variant
) -> None:
    page = await visitors.new(variant)

    await page.goto(own_page.url)

    assert own_page.languages[0].startswith(variant.locale)


@pytest.mark.e2e_long
def test_a_test_fails_by_what_its_page_did_unless_it_was_expected(tmp_path: Path) -> None:
    ended = run_inner_test(tmp_path)

    assert ended.returncode == 1, ended.stdout
    assert "the browser noticed:" in ended.stdout
    assert "console error: alas" in ended.stdout
    assert "2 passed, 1 error" in ended.stdout


@pytest.mark.e2e_long
def test_without_chromium_the_tests_fail_and_say_what_to_install(tmp_path: Path) -> None:
    ended = run_inner_test(tmp_path, CHROMIUM="/nowhere/chromium")

    assert ended.returncode == 1, ended.stdout
    assert "there is no /nowhere/chromium here" in ended.stdout
    assert "apt install chromium" in ended.stdout
    assert "2 errors" in ended.stdout
    assert "skipped" not in ended.stdout
