"""Validates DATABASE_URL, and returns its public form without the password."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr

# The parameters that the driver knows; it would pass others to the server, which would refuse them.
_POSTGRES_PARAMETERS: Final = frozenset(
    [
        "host",
        "port",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslcrl",
        "sslnegotiation",
        "target_session_attrs",
    ]
)
_POSTGRES_FORM: Final = "postgresql://user:password@host:5432/database?sslmode=require"
_PERCENT_ENCODE: Final = (
    f"must be {_POSTGRES_FORM}; percent-encode special characters of the password:"
    " %40 for @, %2F for /, %23 for #, %25 for %, %3A for :, %3F for ?"
)
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def is_postgres(database_url: str) -> bool:
    """Return whether it names a PostgreSQL server rather than an SQLite file."""
    return database_url.startswith(("postgresql://", "postgres://"))


def check_database_url(value: SecretStr) -> SecretStr:
    """Return the value unchanged.

    Raises:
        ValueError: it has an unknown form; the message contains no part of it.
    """
    text = value.get_secret_value()
    if is_postgres(text):
        _check_postgres(text)
    elif not re.fullmatch(r"sqlite:///[^?#]+", text):
        raise ValueError(
            f"must be sqlite:///relative/path.db, sqlite:////absolute/path.db or {_POSTGRES_FORM}"
        )
    return value


def _check_postgres(text: str) -> None:
    """Describe the fault without any part of the value: the "port" may be half a password."""
    if _has_odd_password(text):
        raise ValueError(_PERCENT_ENCODE)
    try:
        parts = urlsplit(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        for host in hosts:
            _ = urlsplit(f"//{host}").port
        parameters = dict(parse_qsl(parts.query, strict_parsing=True) if parts.query else ())
    except ValueError:
        raise ValueError(_PERCENT_ENCODE) from None
    if not hosts[0] and "host" not in parameters:
        raise ValueError(f"names no host: {_POSTGRES_FORM}, or ?host=/run/postgresql for a socket")
    if not re.fullmatch(r"/[^/]+", parts.path) or parts.fragment:
        raise ValueError(f"names no database, or more than one: {_POSTGRES_FORM}")
    if unknown := sorted(parameters.keys() - _POSTGRES_PARAMETERS):
        known = ", ".join(sorted(_POSTGRES_PARAMETERS))
        names = [name if re.fullmatch(r"[a-z_]{1,40}", name) else "one" for name in unknown]
        raise ValueError(f"has unknown parameters ({names[0]}); known: {known}")
    if parameters.get("sslmode", "prefer") not in _SSL_MODES:
        raise ValueError(f"has an unknown sslmode; one of {', '.join(_SSL_MODES)}")


def _has_odd_password(text: str) -> bool:
    """Return whether an unencoded character in the password would end it too early.

    An `@` may only be between password and host; a `%` must be followed by two hex digits.
    """
    before_path = re.split("[/?#]", text.partition("://")[2])[0]
    return (
        before_path.count("@") > 1
        or text.count("@") > before_path.count("@")
        or re.search(r"%(?![0-9A-Fa-f]{2})", text) is not None
    )


def database_name(database_url: str) -> str:
    """Return the database's URL without password and parameters."""
    if not is_postgres(database_url):
        return database_url
    parts = urlsplit(database_url)
    credentials, _, place = parts.netloc.rpartition("@")
    user = credentials.partition(":")[0]
    host = place or dict(parse_qsl(parts.query)).get("host", "")
    return f"postgresql://{user}{'@' if user else ''}{host}{parts.path}"
