"""Altan Pay is down for some seconds under load, and recovers."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self

from app.domain.limits.breaker import OPEN_S
from tests.support.faults.service import Answer, Service, running_service
from tests.support.faults.upstream import Upstream

BUYERS = 8
TIMEOUT_S = 2.0
PAUSE_S = 0.05  # of each buyer, between two carts
RECOVERED_S_MAX = 40.0  # the breaker's ten seconds, and a busy machine's share
BREAKER = "altan_checkout_altan_pay_breaker"


async def test_the_service_recovers_automatically_under_load(
    upstream: Upstream, tmp_path: Path, say: Callable[[str], None]
) -> None:
    async with running_service(
        tmp_path, altan_pay_url=upstream.url, timeout_s=TIMEOUT_S
    ) as service:
        crowd = Crowd(service)
        async with crowd:
            await crowd.wait_for(lambda answered: answered.status == 200)
            assert await breaker_state(service) == "closed"

            await upstream.stop()
            await service.wait_for_line(lambda line: line.get("state") == "open")
            opened = time.monotonic()
            await crowd.wait_for(was_refused_by_the_breaker)
            assert await breaker_state(service) == "open"
            await upstream.start()

            await service.wait_for_line(lambda line: line.get("state") == "half_open")
            await crowd.wait_for(lambda answered: answered.status == 200)
            recovered_s = time.monotonic() - opened

        refused = [answered for answered in crowd.answers if answered.status != 200]
        at_once_s = sorted(a.seconds for a in refused if was_refused_by_the_breaker(a))
        say(
            f"outage: {dict(Counter(a.status for a in crowd.answers))}, "
            f"refused at once {len(at_once_s)}, p50 {at_once_s[len(at_once_s) // 2] * 1000:.1f} "
            f"ms; sold again {recovered_s:.1f} s after the breaker opened"
        )
        assert {(a.status, a.code) for a in refused} == {(503, "altan_pay_unavailable")}
        assert all(1 <= int(a.headers["retry-after"]) <= 10 for a in refused)
        # Carts that were under way when it opened may still have tried again, for two seconds.
        quiet = (opened + TIMEOUT_S + 1, opened + OPEN_S - 1)
        assert [at for at in upstream.connected_at_s if quiet[0] < at < quiet[1]] == []
        assert recovered_s < RECOVERED_S_MAX
        assert await breaker_state(service) == "closed"
        assert [(await service.buy()).status for _ in range(20)] == [200] * 20
        assert await service.metric("altan_checkout_alerts_total", name="altan_pay_down") >= 1
        assert any(line.get("alert") == "altan_pay_down" for line in service.lines)


def was_refused_by_the_breaker(answered: Answer) -> bool:
    """The breaker alone says how long it will still be open; a refused connection says nothing."""
    return answered.status == 503 and answered.headers["retry-after"] != "5"


async def breaker_state(service: Service) -> str:
    values = {
        state: await service.metric(BREAKER, **{BREAKER: state})
        for state in ("closed", "open", "half_open")
    }
    (state,) = (state for state, value in values.items() if value == 1)
    return state


class Crowd:
    """Buyers who post a cart, look at the answer, and post the next."""

    def __init__(self, service: Service) -> None:
        self.answers: list[Answer] = []
        self._service = service
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._buyers = [asyncio.create_task(self._buy_on()) for _ in range(BUYERS)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for buyer in self._buyers:
            buyer.cancel()
        ended = await asyncio.gather(*self._buyers, return_exceptions=True)
        assert {type(error) for error in ended} == {asyncio.CancelledError}, ended

    async def wait_for(self, wanted: Callable[[Answer], bool]) -> None:
        """Wait for an answer from now on."""
        since = len(self.answers)
        async with asyncio.timeout(RECOVERED_S_MAX), self._changed:
            await self._changed.wait_for(lambda: any(map(wanted, self.answers[since:])))

    async def _buy_on(self) -> None:
        while True:
            answered = await self._service.buy()
            async with self._changed:
                self.answers.append(answered)
                self._changed.notify_all()
            await asyncio.sleep(PAUSE_S)
