"""Calls Altan Pay with a stock httpx client, without a server around it.

Runs on the server's core, instead of the server. Prints its measurements as a line of JSON.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import httpx
import uvloop

from bench.load import WARM_SHARE, quantile
from bench.requests import filled, template

_PATH: Final = "/v2/connect/checkout/bench/create_checkout_session"


@dataclass(slots=True)
class Calls:
    """One caller for each connection; each calls again as soon as it has its answer."""

    url: str
    body: bytes
    seconds: float
    answers: list[tuple[float, float]] = field(
        default_factory=list
    )  # when the answer came, how long it took
    statuses: Counter[int] = field(default_factory=Counter)

    async def make(self, callers: int) -> None:
        """Call for this many seconds."""
        stop_at = time.perf_counter() + self.seconds
        async with httpx.AsyncClient() as client:
            await asyncio.gather(*(self._call_on(client, stop_at) for _ in range(callers)))

    async def _call_on(self, client: httpx.AsyncClient, stop_at: float) -> None:
        while (began := time.perf_counter()) < stop_at:
            answer = await client.post(
                self.url,
                params={"stripe_connect_id": "acct_bench"},
                content=self.body,
                headers={"Content-Type": "application/json"},
            )
            answer.json()["url"]
            ended = time.perf_counter()
            self.statuses[answer.status_code] += 1
            self.answers.append((ended, ended - began))


def main() -> None:
    """Call the upstream that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream-port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    (body,) = filled(template("order.json"), [1])
    url = f"http://127.0.0.1:{options.upstream_port}{_PATH}"
    calls = Calls(url, body, options.seconds)
    began, cpu_began = time.perf_counter(), time.process_time()
    uvloop.run(calls.make(options.connections))
    warm_until = began + options.seconds * WARM_SHARE
    counted = sorted(took for came, took in calls.answers if came >= warm_until)
    seen = {
        "requests_per_s": len(counted) / (calls.answers[-1][0] - warm_until),
        "p50_ms": quantile(counted, 0.5) * 1000,
        "p99_ms": quantile(counted, 0.99) * 1000,
        "statuses": calls.statuses,
        "cpu_ms": (time.process_time() - cpu_began) * 1000 / len(calls.answers),
    }
    print(json.dumps(seen))  # noqa: T201 a command's words


if __name__ == "__main__":
    main()
