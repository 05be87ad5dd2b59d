"""/docs in a real browser, without other hosts; `watch` fails on any violation."""

import re

from playwright.async_api import Page, expect

from tests.support.browser.running import RunningDemo


async def test_the_docs_show_every_operation_without_the_internet(
    demo: RunningDemo, page: Page
) -> None:
    await page.goto(f"{demo.service_url}/docs")

    operations = page.locator(".opblock")
    await expect(operations).to_have_count(21)
    await expect(page.locator(".info .title")).to_contain_text("altan-checkout")

    await page.locator("#operations-payments-getPayment .opblock-summary-control").click()
    opened = page.locator("#operations-payments-getPayment")
    await expect(opened).to_contain_text("Seconds to hold the answer")
    await expect(opened.locator(".model-example").first).to_contain_text("amount_total")


async def test_an_operation_can_be_tried_from_the_docs(demo: RunningDemo, page: Page) -> None:
    await page.goto(f"{demo.service_url}/docs#/operations/checkLiveness")
    operation = page.locator("#operations-operations-checkLiveness")

    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()

    answer = operation.locator(".live-responses-table")
    await expect(answer.locator(".response-col_status").last).to_have_text(re.compile("^200"))
    await expect(answer).to_contain_text('"status": "ok"')
