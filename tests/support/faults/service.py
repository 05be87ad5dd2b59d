"""The service as a separate process: its answers, its log and its metrics."""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.migrated import copy_migrated

ROOT: Final = Path(__file__).parents[3]
ACCOUNT_ID: Final = "4f6c1c1e-private-account"
CONNECT_ID: Final = "acct_private1"
SECRET: Final = "whsec_the_secret_of_these_tests"
WAIT_S: Final = 60.0  # for what happens soon; reaching it fails the test

Line = dict[str, Any]
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    @property
    def document(self) -> Line:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    @property
    def code(self) -> str | None:
        return self.document.get("code")

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


@dataclass(slots=True)
class Service:
    """A process, with every line that it has logged so far."""

    process: asyncio.subprocess.Process
    port: int = 0
    lines: list[Line] = field(default_factory=list)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def buy(
        self,
        price: str = "price_ABC123",
        *,
        accept: str = "application/json",
        client: str = "",
        **urls: str,
    ) -> Answer:
        """Post a cart of one price on a new connection; `client` goes into X-Forwarded-For.

        `urls` are the cart's return URLs.
        """
        async with self.cart_sent(price, accept=accept, client=client, **urls) as (reader, began):
            data = await reader.read()
        return _read_answer(data, began)

    @asynccontextmanager
    async def cart_sent(
        self,
        price: str = "price_ABC123",
        *,
        accept: str = "application/json",
        request_id: str = "",
        client: str = "",
        **urls: str,
    ) -> AsyncIterator[tuple[asyncio.StreamReader, float]]:
        """Send a cart, and disconnect when the block ends."""
        body = json.dumps({"line_items": [{"price": price, "quantity": 1}], **urls}).encode()
        headers = [f"Accept: {accept}", "Content-Type: application/json"]
        if request_id:
            headers.append(f"X-Request-Id: {request_id}")
        if client:
            headers.append(f"X-Forwarded-For: {client}")
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(_request("POST", "/checkout", body, headers))
            yield reader, began
        finally:
            writer.close()
            await writer.wait_closed()

    async def get(self, path: str) -> Answer:
        return await self._exchange(_request("GET", path, b"", []))

    async def deliver(self) -> Answer:
        """Send a webhook with a new event, like Stripe."""
        document = {
            "id": f"evt_{next(_numbers)}",
            "object": "event",
            "created": int(time.time()),
            "livemode": False,
            "type": "product.created",
            "data": {"object": {"id": "prod_1", "object": "product"}},
        }
        body = json.dumps(document).encode()
        signed_at = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), signed_at.encode() + b"." + body, hashlib.sha256)
        signature = f"Stripe-Signature: t={signed_at},v1={mac.hexdigest()}"
        return await self._exchange(_request("POST", "/webhooks/stripe", body, [signature]))

    async def metric(self, series_name: str, /, **labels: str) -> float:
        """Return the value of one series, or 0 if it does not exist yet."""
        named = ",".join(f'{key}="{value}"' for key, value in labels.items())
        series = f"{series_name}{{{named}}}" if named else series_name
        text = (await self.get("/metrics")).body.decode()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def wait_for_line(self, wanted: Callable[[Line], bool]) -> Line:
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: any(map(wanted, self.lines)))
        return next(line for line in self.lines if wanted(line))

    async def lines_of(self, request_id: str) -> Sequence[Line]:
        """Return all lines of one request; the last one has its outcome."""

        def is_its_end(line: Line) -> bool:
            return line.get("event") == "request" and line.get("request_id") == request_id

        await self.wait_for_line(is_its_end)
        return [line for line in self.lines if line.get("request_id") == request_id]

    def memory_peak_bytes(self) -> int:
        """Return its peak memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
        assert found
        return int(found[1]) * 1024

    async def read_lines(self, stdout: asyncio.StreamReader) -> None:
        while text := await stdout.readline():
            async with self._changed:
                self.lines.append(_read_line(text))
                self._changed.notify_all()

    async def _exchange(self, request: bytes) -> Answer:
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return _read_answer(await reader.read(), began)
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def running_service(
    folder: Path, *, altan_pay_url: str, timeout_s: float, **environment: str
) -> AsyncIterator[Service]:
    """Run `altan-checkout serve` with its database in `folder`; stop it with SIGTERM."""
    ours = {
        "PYTHONPATH": str(ROOT),
        "ALTAN_ACCOUNT_ID": ACCOUNT_ID,
        "ALTAN_STRIPE_CONNECT_ID": CONNECT_ID,
        "ALTAN_PAY_URL": altan_pay_url,
        "ALTAN_PAY_TIMEOUT_S": str(timeout_s),
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "APP_URL": "https://shop.example",
        "DATABASE_URL": f"sqlite:///{folder / 'checkout.db'}",
        "RATE_LIMIT_CHECKOUT": "off",
    }
    if "DATABASE_URL" not in environment:
        copy_migrated(folder / "checkout.db")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve", "--host", "127.0.0.1", "--port", "0"),
        cwd=folder,
        env={**machine(), **ours, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=1024 * 1024,
    )
    assert process.stdout is not None
    service = Service(process)
    reading = asyncio.create_task(service.read_lines(process.stdout))
    try:
        said = await service.wait_for_line(lambda line: "running on" in line["event"])
        service.port = int(str(said["event"]).partition("http://127.0.0.1:")[2].split()[0])
        yield service
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), WAIT_S)
        await reading


def machine() -> dict[str, str]:
    """Return an environment without the developer's settings for the service."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name.startswith(kept)}


def _request(method: str, path: str, body: bytes, headers: Sequence[str]) -> bytes:
    lines = [
        f"{method} {path} HTTP/1.1",
        "Host: service.test",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def _read_answer(data: bytes, began: float) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    return Answer(int(first.split()[1]), headers, body, time.perf_counter() - began)


def _read_line(text: bytes) -> Line:
    """Parse a log line; a line that is not JSON becomes an event, too, so that tests notice it."""
    try:
        line = json.loads(text)
    except ValueError:
        return {"event": text.decode()}
    assert isinstance(line, dict)
    return line
