"""Finds misspelled setting names, which would otherwise be ignored silently."""

import os
import re
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from difflib import get_close_matches
from pathlib import Path
from typing import Final, NamedTuple

from dotenv import dotenv_values

DOTENV: Final = Path(".env")

# docker-compose.yml, the sandbox and the commands read these from the same file and environment.
COMPANIONS: Final = frozenset(
    [
        "BALANCER_BIND",
        "BALANCER_PORT",
        "BALANCER_TLS_PORT",
        "CHECKOUT_BIND",
        "CHECKOUT_ENV_FILE",
        "CHECKOUT_PORT",
        "POSTGRES_PASSWORD",
        "SANDBOX_API_TOKEN",
        "SANDBOX_CHECKOUT_URL",
        "SANDBOX_PORT",
        "SANDBOX_PUBLIC_URL",
        "SANDBOX_WEBHOOK_SECRET",
        "SANDBOX_WEBHOOK_URL",
        "SCALE_SUBNET",
        "SITE_ADDRESS",
        "STRIPE_SETUP_KEY",
    ]
)

# Prefixes of our settings that few other programs use.
_OUR_PREFIXES: Final = (
    "ADMIN_API_TOK",
    "ALERT_WEBHOOK",
    "ALTAN_",
    "BRAND_COLO",
    "CATALOG_",
    "CHECKOUT_URL_",
    "DATABASE_POOL_",
    "EVENT_RETENTION_",
    "NOTIFY_",
    "ORDERS_TABLE_",
    "RATE_LIMIT_",
    "RECONCILE_",
    "STRIPE_",
    "TRUSTED_PROX",
)
# Stripe's command line; systemd; what Kubernetes and Docker set for linked services.
_FOREIGN: Final = re.compile(
    r"STRIPE_(CLI_.*|DEVICE_NAME)|NOTIFY_SOCKET"
    r"|\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_[0-9]+_(TCP|UDP)(_\w+)?)"
)
# Common in the environment of a shop's machine; in our own files they are a mistake.
_OTHER_PROGRAMS: Final = frozenset({"STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY"})

_TELLING: Final = 5  # letters: HOSTS and PORTS belong to other programs
_SHORT: Final = 9  # only swapped letters: API_URL is not a misspelled APP_URL
_LONG: Final = 12
_EDITS_MAX: Final = 2
_LIKENESS_MIN: Final = 0.7  # for names with one of our prefixes


class Name(NamedTuple):
    """A name, and where it is set: `the environment`, `.env`, or a folder."""

    text: str
    where: str


def names_in_use(secrets_dir: Path) -> Iterator[Name]:
    """Return all names that are set in any source of settings."""
    yield from (
        Name(name, "the environment") for name in os.environ if name.upper() not in _OTHER_PROGRAMS
    )
    try:
        if DOTENV.is_file():
            yield from (Name(name, ".env") for name in dotenv_values(DOTENV, interpolate=False))
        if secrets_dir.is_dir():
            yield from (Name(path.name, str(secrets_dir)) for path in secrets_dir.iterdir())
    except (OSError, UnicodeDecodeError):
        return  # reading the settings reports what is wrong with it


def lines_about_names(names: Iterable[Name], known: AbstractSet[str]) -> list[str]:
    """Return one line for each odd name; `known` are our settings, in capitals."""
    lines = {}
    for name in names:
        text = name.text.upper()
        if text in known or text in COMPANIONS or _FOREIGN.fullmatch(text):
            continue
        if meant := meant_by(text, known):
            lines[text] = f"{_shown(name)} is not a setting: did you mean {meant}?"
        elif text.startswith(_OUR_PREFIXES):
            lines[text] = f"{_shown(name)} is not a setting of this version, and has no effect"
    return list(lines.values())


def meant_by(text: str, known: AbstractSet[str]) -> str | None:
    """Return the setting that `text`, in capitals, is probably meant to be, if any."""
    likely = (name for name in known if _may_be_near(text, name))
    near = min(((_edits(text, name), name) for name in likely), default=None)
    if near and near[0] <= _edits_allowed(text, near[1]):
        return near[1]
    if text.startswith(_OUR_PREFIXES):
        return next(iter(get_close_matches(text, known, n=1, cutoff=_LIKENESS_MIN)), None)
    return None


def _shown(name: Name) -> str:
    return f"{name.text} in {name.where}"


def _edits_allowed(text: str, name: str) -> int:
    if len(name) < _TELLING:
        return 0
    if _plain(text) == _plain(name):
        return _EDITS_MAX  # they differ only by hyphens or a final S
    if len(name) < _SHORT:
        return 1 if sorted(text) == sorted(name) else 0
    return 1 if len(name) < _LONG else _EDITS_MAX


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text).removesuffix("S")


def _may_be_near(text: str, name: str) -> bool:
    """Return False where lengths or letters alone need too many edits: it is quick to see."""
    return (
        abs(len(text) - len(name)) <= _EDITS_MAX
        and len(set(text) - set(name)) <= _EDITS_MAX
        and len(set(name) - set(text)) <= _EDITS_MAX
    )


def _edits(text: str, name: str) -> int:
    """Return the number of differing letters; two swapped ones count once."""
    before: list[int] = []
    row = list(range(len(name) + 1))
    for i, letter in enumerate(text, 1):
        before, above, row = row, before, [i]
        for j, other in enumerate(name, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == name[j - 2] and text[i - 2] == other:
                cost = min(cost, above[j - 2] + 1)
            row.append(cost)
    return row[-1]
