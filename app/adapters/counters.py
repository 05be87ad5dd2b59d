"""Stores the rate limits' counts: in this process, or in a Redis that replicas share.

Both check all counters that apply to a request, and add one to each if all have room.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from app.domain.limits.rate_limits import Counted, Kind, Refusal, Rule, judge, refusal
from app.domain.limits.sliding_counts import SlidingCounts

# For each kind of counter and each of two windows; 30,000 cost up to 13 MB.
NAMES_MAX: Final = 30_000
KEY_PREFIX: Final = "altan-checkout:limits"


class Counters(Protocol):
    """A store of counts."""

    async def take(self, rules: Sequence[Rule]) -> Refusal | None:
        """Count one request for all of these rules, or for none and return the refusal."""
        ...

    async def close(self) -> None:
        """Release its resources."""
        ...


class MemoryCounters:
    """Counts in this process's memory."""

    def __init__(
        self, *, clock_s: Callable[[], float] = time.monotonic, names_max: int = NAMES_MAX
    ) -> None:
        self._clock_s = clock_s
        self._names_max = names_max
        self._tables: dict[tuple[Kind, int], SlidingCounts] = {}

    @property
    def names(self) -> int:
        """How many counters are in memory now."""
        return sum(map(len, self._tables.values()))

    @property
    def steps(self) -> int:
        """How many counters were touched so far, as a measure of the work done."""
        return sum(table.steps for table in self._tables.values())

    async def take(self, rules: Sequence[Rule]) -> Refusal | None:
        """See `Counters.take`."""
        now_s = self._clock_s()
        tables = [self._table(rule) for rule in rules]
        counts = [table.of(rule.who, now_s) for table, rule in zip(tables, rules, strict=True)]
        refused = judge(rules, counts)
        if refused is None:
            for table, rule in zip(tables, rules, strict=True):
                table.add(rule.who, now_s)
        return refused

    async def close(self) -> None:
        """Nothing to release."""

    def _table(self, rule: Rule) -> SlidingCounts:
        key = (rule.kind, rule.window_s)
        if key not in self._tables:
            self._tables[key] = SlidingCounts(window_s=rule.window_s, names_max=self._names_max)
        return self._tables[key]


# One round trip, and atomic: nothing happens between the check and the count. A counter is a hash:
# w is its fixed window's number, c its count, p the previous window's count. A replica whose clock
# is ahead may have moved it on already. `room` is what app/domain/limits/rate_limits.py calls
# _room.
_TAKE: Final = """
local sums, found = {}, {}
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 6
  local window, part = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  local amount, share = tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local total = tonumber(ARGV[at + 5])
  local kept = redis.call('HMGET', key, 'w', 'c', 'p')
  local w, c, p = tonumber(kept[1] or -9), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
  if w == window - 1 then
    c, p = 0, c
  elseif w == window + 1 then
    window = w
  elseif w ~= window then
    c, p = 0, 0
  end
  sums[i], found[i] = c + p * (1 - part), {window, c, p}
  local room = amount
  if share > 0 then
    local left = amount - sums[total]
    room = left > math.floor(amount / 4) and math.huge or share * left
  end
  if sums[i] >= room then
    return {i, c, p, tostring(room)}
  end
end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'w', found[i][1], 'c', found[i][2] + 1, 'p', found[i][3])
  redis.call('EXPIRE', key, ARGV[i * 6])
end
return {}
"""


class RedisCounters:
    """Counts that all replicas share. Their clocks must agree to within about a second."""

    def __init__(self, url: str, *, clock_s: Callable[[], float] = time.time) -> None:
        # Imported here, because most shops don't use Redis.
        from redis.asyncio import Redis  # noqa: PLC0415

        self._redis = Redis.from_url(url)
        self._script = self._redis.register_script(_TAKE)
        self._clock_s = clock_s

    async def take(self, rules: Sequence[Rule]) -> Refusal | None:
        """See `Counters.take`.

        Raises:
            Exception: whatever redis raises, for example if it is unreachable.
        """
        now_s = self._clock_s()
        keys = [f"{KEY_PREFIX}:{rule.kind}:{rule.window_s}:{rule.who}" for rule in rules]
        values = [value for rule in rules for value in _values(rule, now_s)]
        answer = await self._script(keys=keys, args=values)
        if not answer:
            return None
        index, current, previous, fewer_than = answer
        rule = rules[index - 1]
        part = now_s / rule.window_s % 1
        return refusal(rule, Counted(current, previous, part), float(fewer_than))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


def _values(rule: Rule, now_s: float) -> tuple[float, ...]:
    """Return the script's arguments for one rule."""
    window, part = divmod(now_s / rule.window_s, 1)
    return int(window), part, rule.amount, rule.share, rule.total + 1, 2 * rule.window_s
