"""The documented form and scripts work as they are, with the service and the sandbox."""

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from html import unescape
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urlencode

import httpx
import pytest

from tests.support.docs.documents import SHOP_PAGES, code_spans, marked, table
from tests.support.docs.running import Demo

NODE: Final = shutil.which("node")
NODE_S: Final = 60.0
LIKE_A_BROWSER: Final = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "Sec-Fetch-Mode": "navigate",
}

# What a browser has and Node has not. README's script buys as it loads.
BEFORE: Final = """
let arrive;
const arrived = new Promise((resolve) => { arrive = resolve; });
const visited = [];
globalThis.location = { assign: (url) => { visited.push(url); arrive(url); } };
Object.defineProperty(globalThis, "sessionStorage", { value: {} });
"""
AFTER: Final = """
const url = await arrived;
const mug = { line_items: [{ price: "price_ABC123", quantity: 3 }] };
visited.length = 0;
await Promise.all([buy(mug), buy(mug)]);
const together = [...visited];

const tell = ({ code, message, errors }) => ({ code, message, errors });
const bad = { line_items: [{ price: "price_ABC123", quantity: 0 }] };
const refused = await buy(bad).catch(tell);
const left = Object.keys(sessionStorage).length;

const ask = globalThis.fetch, keys = [];
globalThis.fetch = async (url, init) => {
  keys.push(init.headers["Idempotency-Key"]);
  await ask(url, init); // it starts the checkout, but its answer is lost
  return new Response("<h1>Bad gateway</h1>", { status: 502 });
};
const proxy = await buy(mug).catch(tell);
globalThis.fetch = (url, init) => (keys.push(init.headers["Idempotency-Key"]), ask(url, init));
await buy(mug);
await buy(mug);
console.log(JSON.stringify({ url, together, refused, left, proxy, keys }));
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


def readmes_form(demo: Demo, *, key: str | None) -> Form:
    """README's form as a shop's server renders it; with no key, as somebody copies it."""
    (block,) = marked("html", "form")
    form = Form(demo.here(block.text))
    ((name, placeholder),) = [field for field in form.fields if field[0] == "idempotency_key"]
    form.fields.remove((name, placeholder))
    form.fields.append((name, placeholder if key is None else key))
    return form


def send(form: Form, demo: Demo, more: Sequence[tuple[str, str]] = ()) -> httpx.Response:
    return httpx.post(
        form.action,
        content=urlencode([*form.fields, *more]),
        headers={
            **LIKE_A_BROWSER,
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": demo.shop_url,
        },
        trust_env=False,
    )


def test_the_form_leads_a_browser_without_script_to_the_payment_page(demo: Demo) -> None:
    answer = send(readmes_form(demo, key=str(uuid.uuid4())), demo)

    assert answer.status_code == 303, answer.text
    sold = session_of(answer.headers["location"], demo)
    assert lines_of(sold) == [("price_ABC123", 2), ("price_DEF456", 1)]
    assert str(sold["success_url"]).startswith(f"{demo.shop_url}/thanks?")
    assert sold["cancel_url"] == f"{demo.shop_url}/cart"


def test_a_form_that_is_sent_twice_leads_to_one_payment_page(demo: Demo) -> None:
    form = readmes_form(demo, key=str(uuid.uuid4()))
    another = readmes_form(demo, key=str(uuid.uuid4()))

    pages = [send(each, demo).headers["location"] for each in (form, form, another)]

    assert pages[0] == pages[1] != pages[2]


def keys_to_fill_in(demo: Demo) -> dict[str, str]:
    """The key's value as somebody copies it from README, and from each page of the demo's shop."""
    copied = {"README": dict(readmes_form(demo, key=None).fields)["idempotency_key"]}
    for path in ("/", "/?mug=2", "/sandbox/faults"):
        page = httpx.get(f"{demo.shop_url}{path}", trust_env=False).text
        for lines in re.findall(r"<pre.*?><code>(.*?)</code>", page, re.DOTALL):
            fields = dict(Form(unescape(lines)).fields)
            copied |= {path: fields["idempotency_key"]} if "idempotency_key" in fields else {}
    return copied


def test_a_form_whose_key_nobody_filled_in_is_refused_so_that_buyers_never_share_one(
    demo: Demo,
) -> None:
    keys = keys_to_fill_in(demo)
    assert keys.keys() == {"README", "/", "/?mug=2"}

    for key in keys.values():
        answer = send(readmes_form(demo, key=key), demo)

        assert answer.status_code == 422
        assert "is a placeholder, the same for every buyer" in answer.text


def test_a_header_that_nobody_filled_in_is_refused_too(demo: Demo) -> None:
    cart = {"line_items": [{"price": "price_ABC123", "quantity": 1}]}

    for key in (*keys_to_fill_in(demo).values(), "undefined"):
        headers = [(b"Idempotency-Key", key.encode()), (b"Accept", b"application/json")]
        answer = httpx.post(
            f"{demo.service_url}/checkout", json=cart, headers=headers, trust_env=False
        )

        assert answer.status_code == 422
        (fault,) = answer.json()["errors"]
        assert fault["pointer"] == "/idempotency_key"
        assert "is a placeholder, the same for every buyer" in fault["detail"]


def test_every_field_of_the_form_table_is_taken(demo: Demo) -> None:
    form = readmes_form(demo, key=str(uuid.uuid4()))
    more = [("mode", "payment"), ("client_reference_id", "order-42")]
    rows = table(SHOP_PAGES, "A form, without script", "field").rows
    listed = {name for cell, *_ in rows for name in code_spans(cell)}

    answer = send(form, demo, more)

    assert answer.status_code == 303, answer.text
    assert {name for name, _ in [*form.fields, *more]} == listed


def scripts() -> str:
    return "\n".join(block.text for block in marked("js", "script"))


def unclosed(script: str) -> str:
    """The brackets of a script that are left open, or that close nothing."""
    text = r"""//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|\$\{[^}]*\}|[^`\\])*`"""
    left = re.sub(text, "", script)
    left = re.sub(r"[^()\[\]{}]", "", left)
    while (shorter := re.sub(r"\(\)|\[\]|\{\}", "", left)) != left:
        left = shorter
    return left


def test_without_node_the_scripts_are_read_only_so_far_that_their_brackets_close() -> None:
    assert scripts().count("async function") == 1
    assert unclosed(scripts()) == ""
    assert unclosed("f({ a: [1 }") == "({[}"


@pytest.mark.skipif(NODE is None, reason="node is not installed; see the test above")
def test_with_node_the_script_leads_from_a_cart_to_its_payment_page(demo: Demo) -> None:
    program = f"{BEFORE}{demo.here(scripts())}{AFTER}"

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
    assert len(told["together"]) == 2
    assert len(set(told["together"])) == 1, "with one key, a double click leads to one payment page"
    assert lines_of(session_of(told["together"][0], demo)) == [("price_ABC123", 3)]
    assert told["refused"]["code"] == "invalid_cart"
    assert told["refused"]["errors"][0]["pointer"] == "/line_items/0/quantity"
    assert told["left"] == 0
    lost, again, later = told["keys"]
    assert lost == again != later, "the key is kept until there is an answer, and no longer"
    assert told["proxy"] == {"code": "not_json", "message": "Please try again."}
