"""README's form and scripts work as they stand, against the real service and the sandbox."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest

from .documents import README, marked
from .running import Demo

NODE: Final = shutil.which("node")
NODE_S: Final = 40.0
LIKE_A_BROWSER: Final = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}

# What a browser has and Node has not. README's first script buys as it loads.
BEFORE: Final = """
let arrive;
const arrived = new Promise((resolve) => { arrive = resolve; });
globalThis.location = { search: "", assign: arrive };
"""
AFTER: Final = """
const url = await arrived;
const session = new URL(url).pathname.split("/").at(-1);
const { checkout_id } = await (await fetch(`${CHECKOUT}/checkout/${session}`)).json();
location.search = `?session_id=${session}&checkout_id=${checkout_id}`;
const waiting = waitForPayment({ everyMs: 20, forMs: 20_000 });
await fetch(`${SHOP}/sandbox/sessions/${session}/pay`, { method: "POST" });
const payment = await waiting;

location.search = `?session_id=${session}&checkout_id=chk_unknown`;
const unknown = await waitForPayment().catch((error) => error.message);

const tell = ({ code, message, errors }) => ({ code, message, errors });
const refused = await buy({ line_items: [{ price: "price_ABC123", quantity: 0 }] }).catch(tell);
globalThis.fetch = async () => new Response("<h1>Bad gateway</h1>", { status: 502 });
const proxy = await buy({ line_items: [] }).catch(tell);
console.log(JSON.stringify({ url, payment, unknown, refused, proxy }));
"""


class Form(HTMLParser):
    """A form as a browser would send it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            assert values["method"] == "post"
            self.action = values["action"]
        elif tag == "input":
            self.fields.append((values["name"], values["value"]))


def session_of(url: str, demo: Demo) -> dict[str, object]:
    """What the sandbox was asked to sell on the page at `url`."""
    match = re.fullmatch(rf"{demo.shop_url}/c/pay/(cs_test_\w+)#\w+", url)
    assert match, url
    answer = httpx.get(f"{demo.shop_url}/sandbox/sessions/{match[1]}", trust_env=False)
    sold: dict[str, object] = answer.json()
    return sold


def lines_of(sold: dict[str, object]) -> list[tuple[str, int]]:
    lines = sold["line_items"]
    assert isinstance(lines, list)
    return [(line["price"], line["quantity"]) for line in lines]


def test_the_form_leads_a_browser_without_script_to_the_payment_page(demo: Demo) -> None:
    (block,) = marked(README, "html", "form")
    form = Form(demo.here(block.text))

    answer = httpx.post(
        form.action,
        content=urlencode(form.fields),
        headers={
            **LIKE_A_BROWSER,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": demo.shop_url,
        },
        trust_env=False,
    )

    assert answer.status_code == 303, answer.text
    sold = session_of(answer.headers["location"], demo)
    assert lines_of(sold) == [("price_ABC123", 2), ("price_DEF456", 1)]
    assert str(sold["success_url"]).startswith(f"{demo.shop_url}/thanks?")
    assert sold["cancel_url"] == f"{demo.shop_url}/cart"


def test_every_field_of_the_form_table_is_taken(demo: Demo) -> None:
    (block,) = marked(README, "html", "form")
    form = Form(demo.here(block.text))
    more = [("mode", "payment"), ("client_reference_id", "order-42")]

    answer = httpx.post(
        form.action,
        content=urlencode([*form.fields, *more]),
        headers={**LIKE_A_BROWSER, "Content-Type": "application/x-www-form-urlencoded"},
        trust_env=False,
    )

    assert answer.status_code == 303, answer.text


def scripts() -> str:
    return "\n".join(block.text for block in marked(README, "js", "script"))


def unclosed(script: str) -> str:
    """The brackets of a script that are left open, or that close nothing."""
    text = r"""//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|\$\{[^}]*\}|[^`\\])*`"""
    left = re.sub(text, "", script)
    left = re.sub(r"[^()\[\]{}]", "", left)
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", left)) != left:
        left = shorter
    return left


def test_without_node_the_scripts_are_read_only_so_far_that_their_brackets_close() -> None:
    assert scripts().count("async function") == 2
    assert unclosed(scripts()) == ""
    assert unclosed("f({ a: [1 }") == "({[}"


@pytest.mark.skipif(NODE is None, reason="node is not installed; see the test above")
def test_with_node_the_scripts_lead_from_a_cart_to_a_paid_status(demo: Demo) -> None:
    program = f"const SHOP = {json.dumps(demo.shop_url)};{BEFORE}{demo.here(scripts())}{AFTER}"

    done = subprocess.run(  # noqa: S603 README's own script
        [str(NODE), "--input-type=module", "-"],
        input=program,
        capture_output=True,
        text=True,
        timeout=NODE_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    sold = session_of(told["url"], demo)
    assert lines_of(sold) == [("price_ABC123", 2)]
    assert told["payment"]["status"] == "paid"
    assert told["payment"]["amount_total"] == sold["amount_total"]
    assert told["unknown"] == "There is no such checkout."
    assert told["refused"]["code"] == "invalid_cart"
    assert told["refused"]["errors"][0]["pointer"] == "/line_items/0/quantity"
    assert told["proxy"] == {"code": "not_json", "message": "Please try again."}
