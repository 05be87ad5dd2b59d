"""Settings that are of the right form, and probably not what was wanted."""

import ipaddress
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from app.domain.checkout.urls import read_web_url
from app.settings.origins import ANY_LOOPBACK
from app.settings.settings import Settings
from app.settings.types import Network

# Proxies live in these, at whatever width: RFC 1918, 6598, 3927, 4193, 4291 and loopback.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
# The widest networks that one provider announces for its proxies, as Cloudflare does.
_PREFIX_MIN: Final = {4: 13, 6: 29}

_PLACEHOLDER: Final = re.compile(
    r"(.)\1{5,}|x{4,}|\.\.\.|your|example|placeholder|replace|change.?me|12345678", re.IGNORECASE
)
_EXAMPLE_HOST: Final = re.compile(r"(.+\.)?(example(\.(com|org|net))?|your-?shop\..+)")
_UUID_MARKS: Final = frozenset({14, 19})  # where the version and the variant stand in its text


class Doubt(NamedTuple):
    """A setting's name, what is doubtful about it, and whether the start tells it, too."""

    name: str
    words: str
    is_told_at_start: bool = False


def doubts(settings: Settings) -> list[Doubt]:
    """All of them, one for each setting."""
    by_name: dict[str, Doubt] = {}
    for found in (_ids(settings), _secrets(settings), _addresses(settings), _unset(settings)):
        for doubt in found:
            former = by_name.get(doubt.name)
            words = f"{former.words}; {doubt.words}" if former else doubt.words
            told = doubt.is_told_at_start or (former is not None and former.is_told_at_start)
            by_name[doubt.name] = Doubt(doubt.name, words, told)
    return list(by_name.values())


def _ids(settings: Settings) -> Iterator[Doubt]:
    account = settings.altan_account_id
    if not _is_uuid(account):
        words = "not a UUID, as Altan's ids are; copy it from your Altan workspace again"
        yield Doubt("ALTAN_ACCOUNT_ID", words)
    elif _is_made_up(account):
        words = "looks like a placeholder; copy the real id from your Altan workspace"
        yield Doubt("ALTAN_ACCOUNT_ID", words)
    if _PLACEHOLDER.search(settings.altan_stripe_connect_id.removeprefix("acct_")):
        words = "looks like a placeholder; ask Altan Pay for your Stripe Connect id"
        yield Doubt("ALTAN_STRIPE_CONNECT_ID", words)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_made_up(text: str) -> bool:
    """Whether its digits are all the same, but the two that every UUID needs; or count up."""
    whole = str(uuid.UUID(text))
    digits = {digit for at, digit in enumerate(whole) if digit != "-" and at not in _UUID_MARKS}
    return len(digits) == 1 or whole.startswith("12345678-1234-")


def _secrets(settings: Settings) -> Iterator[Doubt]:
    for secret in settings.stripe_webhook_secrets:
        text = secret.get_secret_value().removeprefix("whsec_")
        if ";" in text:
            words = "separate secrets with commas: with a semicolon they are one, which is wrong"
            yield Doubt("STRIPE_WEBHOOK_SECRETS", words, is_told_at_start=True)
            return
        if not text.startswith("sandbox_") and _PLACEHOLDER.search(text):
            words = "looks like a placeholder; copy the signing secret from Stripe's dashboard"
            yield Doubt("STRIPE_WEBHOOK_SECRETS", words)
            return


def _addresses(settings: Settings) -> Iterator[Doubt]:
    for name, url in (
        ("APP_URL", settings.app_url),
        ("SUCCESS_URL", settings.success_url),
        ("CANCEL_URL", settings.cancel_url),
    ):
        yield from _address(name, url) if url else ()
    for origin in settings.allowed_origins or ():
        yield from _address("ALLOWED_ORIGINS", origin) if origin != ANY_LOOPBACK else ()
    origin = read_web_url(settings.app_url).origin
    if settings.allowed_origins and origin not in settings.allowed_origins:
        words = f"APP_URL's own origin is not in it, so its pages cannot sell: add {origin}"
        yield Doubt("ALLOWED_ORIGINS", words)
    if wide := [str(network) for network in settings.trusted_proxies if is_wide(network)]:
        words = (
            f"{', '.join(wide)} trusts strangers, who can then choose the address that limits "
            "count; list your proxies' own addresses"
        )
        yield Doubt("TRUSTED_PROXIES", words, is_told_at_start=True)


def _address(name: str, text: str) -> Iterator[Doubt]:
    url = read_web_url(text)
    if _EXAMPLE_HOST.fullmatch(url.host):
        yield Doubt(name, f"{url.host} is a placeholder; set your shop's own address")
    if url.scheme == "http" and not url.is_loopback:
        words = f"{url.origin} is plain http; Stripe's live mode sends buyers back over https only"
        yield Doubt(name, words)


def is_wide(network: Network) -> bool:
    """Whether it holds so much of the public internet that strangers must be in it."""
    return network.prefixlen < _PREFIX_MIN[network.version] and not _is_within(network, _PRIVATE)


def _is_within(network: Network, wider: Iterable[Network]) -> bool:
    return any(
        network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]  # of one version
        for each in wider
    )


def _unset(settings: Settings) -> Iterator[Doubt]:
    if settings.allowed_origins is None:
        words = "unset: pages of any origin may start a checkout; set your shop's origins"
        yield Doubt("ALLOWED_ORIGINS", words)
    if settings.stripe_livemode is None:
        words = "unset: test events count as live ones do; a live shop sets true"
        yield Doubt("STRIPE_LIVEMODE", words)
    if not settings.trusted_proxies:
        words = "unset: behind a proxy all buyers share one limit; set the proxy's addresses"
        yield Doubt("TRUSTED_PROXIES", words)
