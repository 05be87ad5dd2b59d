"""docs/fulfil.md's code, in both languages, with the service: it fulfils only paid orders."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.support.builders import event, session
from tests.support.checkout_shop import makes_pages
from tests.support.docs.documents import ROOT, marked
from tests.support.orders import TOKEN
from tests.support.processes import running_process
from tests.support.wire import upstream

pytestmark = pytest.mark.anyio
PAGE = ROOT / "docs/fulfil.md"
ITEMS = """[{"price": "price_B", "quantity": 1}, {"price": "price_A", "quantity": 1},
    {"quantity": 1, "price": "price_A"}]"""  # they come back merged
OTHERS = '[{"price": "price_A", "quantity": 2}]'
PYTHON = {
    "command": sys.executable,
    "start": f"print(json.dumps(start('order-7', {ITEMS})))",
    "ask": f"print(json.dumps(may_fulfil('ID', 'NUMBER', {ITEMS})))",
}
NODE = {
    "command": "node",
    "start": f"start('order-7', {ITEMS}).then((a) => console.log(JSON.stringify(a)));",
    "ask": f"mayFulfil('ID', 'NUMBER', {ITEMS}).then((a) => console.log(a));",
}


@pytest.mark.parametrize(("language", "how"), [("python", PYTHON), ("js", NODE)])
async def test_the_code_fulfils_what_was_paid_for_this_order_alone(
    tmp_path: Path, language: str, how: dict[str, str]
) -> None:
    (block,) = marked(language, "ask", path=PAGE)
    async with (
        upstream(makes_pages()) as altan_pay,
        running_process(tmp_path, API_TOKENS=TOKEN, ALTAN_PAY_URL=altan_pay.url) as running,
    ):
        code = block.text.replace(
            "http://localhost:8000", str(running.service.client.base_url).rstrip("/")
        )

        async def run(end: str) -> object:
            script = tmp_path / f"ask.{language.replace('python', 'py')}"
            script.write_text(f"{code}\n{end}\n")
            process = await asyncio.create_subprocess_exec(
                how["command"],
                str(script),
                env={"API_TOKEN": TOKEN, "PATH": "/usr/local/bin:/usr/bin:/bin"},
                stdout=asyncio.subprocess.PIPE,
            )
            printed, _ = await process.communicate()
            return json.loads(printed)

        made = await run(how["start"])
        assert isinstance(made, dict)
        ask = how["ask"].replace("ID", made["checkout_id"])
        before = await run(ask.replace("NUMBER", "order-7"))
        paid = session(id=made["session_id"], success_url="https://shop.example/")
        assert (await running.service.deliver(event(subject=paid))).status_code == 200
        after = await run(ask.replace("NUMBER", "order-7"))
        other = await run(ask.replace("NUMBER", "order-8"))
        less = await run(ask.replace("NUMBER", "order-7").replace(ITEMS, OTHERS))

    assert (before, after, other, less) == (False, True, False, False)
