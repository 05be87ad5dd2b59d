"""What `altan-checkout doctor` reports about the rate limits' storage."""

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from app.commands.findings import Finding, Verdict
from app.settings.settings import Settings

_SUBJECT: Final = "rate limits"
TIMEOUT_S: Final = 5.0


def rate_limits_of(settings: Settings) -> Iterator[Finding]:
    """Yield whether Redis answers; nothing if the counts are in memory."""
    url = settings.rate_limit_storage.get_secret_value()
    if url == "memory":
        return
    from redis import Redis, RedisError  # noqa: PLC0415 most have no Redis

    host = urlsplit(url).netloc.rpartition("@")[2]  # without the password
    redis = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    try:
        redis.ping()
    except RedisError as error:
        reason = f"Redis at {host} does not answer ({type(error).__name__})"
        message = f"{reason}: check RATE_LIMIT_STORAGE; until then, checkouts are not limited"
        yield Finding(_SUBJECT, Verdict.FAILS, message)
    else:
        yield Finding(_SUBJECT, Verdict.OK, f"Redis at {host} answers")
    finally:
        redis.close()
