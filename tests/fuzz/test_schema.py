"""Requests generated from the published schema, valid and invalid, to the real process."""

import asyncio
import os
import re
import sys
from pathlib import Path

from sandbox.server import SandboxConfig, create_sandbox
from tests.support.builders import ACCOUNT, serving
from tests.support.orders import ADMIN_TOKEN
from tests.support.processes import running_process

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("schemathesis.toml")
# By hand, for a long run: FUZZ_EXAMPLES=1000 pytest tests/fuzz
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "30")


async def test_the_service_follows_its_schema_for_any_request(tmp_path: Path) -> None:
    config = SandboxConfig(stripe_connect_id=ACCOUNT)
    async with (
        serving(create_sandbox(config)) as altan_pay,
        running_process(
            tmp_path,
            ALTAN_PAY_URL=str(altan_pay.base_url).rstrip("/"),
            CHECKOUT_URL_HOSTS="localhost:9000",
            RATE_LIMIT_CHECKOUT="off",
            ADMIN_API_TOKEN=ADMIN_TOKEN,
        ) as service,
    ):
        output, status = await fuzz(str(service.service.client.base_url), tmp_path)

    assert status == 0, output[-4000:]
    generated = re.search(r"(\d+) generated", output)
    assert generated is not None, output[-4000:]
    assert int(generated[1]) > 100


async def fuzz(url: str, folder: Path) -> tuple[str, int | None]:
    command = (
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{url.rstrip('/')}/openapi.json", "--checks", "all"),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES),
        # Whose redirect and whose signature are good, no schema can say.
        *("--exclude-checks", "positive_data_acceptance"),
        *("--suppress-health-check", "all", "--no-color"),
        *("--header", f"Authorization: Bearer {ADMIN_TOKEN}"),
        *("--exclude-path", "/checkout/{id}/events"),  # a stream does not end
    )
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode(), process.returncode
