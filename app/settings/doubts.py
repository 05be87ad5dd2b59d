"""Finds settings that are valid but probably a mistake."""

import ipaddress
import re
import uuid
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from app.domain.checkout.urls import read_web_url
from app.settings.origins import ANY_LOOPBACK
from app.settings.settings import Settings
from app.settings.types import Network

# Proxies may have any network in these: RFC 1918, 6598, 3927, 4193, 4291 and loopback.
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
# The widest networks that a provider such as Cloudflare publishes for its proxies.
_PREFIX_MIN: Final = {4: 13, 6: 29}

_PLACEHOLDER: Final = re.compile(
    r"(.)\1{5,}|(.{8,})\2|password|x{4,}|\.\.\.|your|example|placeholder|replace|change.?me|12345678",
    re.IGNORECASE,
)
_CHARACTERS_MIN: Final = 6  # different characters in a random token
_EXAMPLE_HOST: Final = re.compile(r"(.+\.)?(example(\.(com|org|net))?|your-?shop\..+)")
_UUID_MARKS: Final = frozenset({14, 19})  # the positions of the version and the variant


class Doubt(NamedTuple):
    """A setting's name, what is doubtful about it, and whether to log it at start too."""

    name: str
    message: str
    is_logged_at_start: bool = False


def doubts(settings: Settings) -> list[Doubt]:
    """Return the doubts, at most one for each setting."""
    by_name: dict[str, Doubt] = {}
    for found in (
        _ids(settings),
        _secrets(settings),
        _stripe_key(settings),
        _tokens(settings),
        _notifications(settings),
        _addresses(settings),
        _unset(settings),
    ):
        for doubt in found:
            former = by_name.get(doubt.name)
            if doubt == former:  # of two tokens, for example
                continue
            message = f"{former.message}; {doubt.message}" if former else doubt.message
            is_logged = doubt.is_logged_at_start or (
                former is not None and former.is_logged_at_start
            )
            by_name[doubt.name] = Doubt(doubt.name, message, is_logged)
    return list(by_name.values())


def _ids(settings: Settings) -> Iterator[Doubt]:
    account = settings.altan_account_id
    if not _is_uuid(account):
        message = "not a UUID, unlike Altan's ids; copy it from your Altan workspace again"
        yield Doubt("ALTAN_ACCOUNT_ID", message)
    elif _is_made_up(account):
        message = "looks like a placeholder; copy the real id from your Altan workspace"
        yield Doubt("ALTAN_ACCOUNT_ID", message)
    if _PLACEHOLDER.search(settings.altan_stripe_connect_id.removeprefix("acct_")):
        message = "looks like a placeholder; ask Altan Pay for your Stripe Connect id"
        yield Doubt("ALTAN_STRIPE_CONNECT_ID", message)


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_made_up(text: str) -> bool:
    """Return whether all digits are the same, except the two fixed ones, or count up."""
    whole = str(uuid.UUID(text))
    digits = {digit for at, digit in enumerate(whole) if digit != "-" and at not in _UUID_MARKS}
    return len(digits) == 1 or whole.startswith("12345678-1234-")


def _secrets(settings: Settings) -> Iterator[Doubt]:
    for secret in settings.stripe_webhook_secrets:
        text = secret.get_secret_value().removeprefix("whsec_")
        if ";" in text:
            message = "separate secrets with commas: with a semicolon they are read as one"
            yield Doubt("STRIPE_WEBHOOK_SECRETS", message, is_logged_at_start=True)
            return
        if not text.startswith("sandbox_") and _PLACEHOLDER.search(text):
            message = "looks like a placeholder; copy the signing secret from Stripe's dashboard"
            yield Doubt("STRIPE_WEBHOOK_SECRETS", message)
            return


def _stripe_key(settings: Settings) -> Iterator[Doubt]:
    if settings.stripe_api_key is None or settings.stripe_livemode is None:
        return
    mode = "live" if settings.stripe_livemode else "test"
    if not settings.stripe_api_key.get_secret_value().startswith(f"rk_{mode}_"):
        message = (
            f"is of the other mode than STRIPE_LIVEMODE; use a key that begins with rk_{mode}_"
        )
        yield Doubt("STRIPE_API_KEY", message, is_logged_at_start=True)


def _tokens(settings: Settings) -> Iterator[Doubt]:
    """Find a token that is also another secret, or is easy to guess."""
    admin = [settings.admin_api_token] if settings.admin_api_token else []
    named = [("API_TOKENS", each.get_secret_value()) for each in settings.api_tokens]
    named += [("ADMIN_API_TOKEN", each.get_secret_value()) for each in admin]
    webhooks = {each.get_secret_value() for each in settings.stripe_webhook_secrets}
    met: set[str] = set()
    for name, token in named:
        if token in webhooks:
            message = "is also one of STRIPE_WEBHOOK_SECRETS; create a separate token"
            yield Doubt(name, message, is_logged_at_start=True)
        elif token in met:
            message = "contains a token twice, or one that is also the other setting's"
            yield Doubt(name, f"{message}; create one for each use", is_logged_at_start=True)
        elif _PLACEHOLDER.search(token) or len(set(token)) < _CHARACTERS_MIN:
            message = "looks easy to guess; create one with: openssl rand -hex 24"
            yield Doubt(name, message, is_logged_at_start=True)
        met.add(token)


def _notifications(settings: Settings) -> Iterator[Doubt]:
    """Find notifications that go to the wrong receiver, or that others could sign."""
    if settings.notify_url and settings.stripe_livemode is None:
        message = "test payments are posted to NOTIFY_URL, too (with livemode: false)"
        yield Doubt("STRIPE_LIVEMODE", message, is_logged_at_start=True)
    stripes = {each.get_secret_value() for each in settings.stripe_webhook_secrets}
    if any(each.get_secret_value() in stripes for each in settings.notify_secrets):
        message = "contains one of STRIPE_WEBHOOK_SECRETS; create a separate secret"
        yield Doubt("NOTIFY_SECRETS", message, is_logged_at_start=True)
    if settings.notify_url:
        yield from _address("NOTIFY_URL", f"https://{settings.notify_host}")


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
        message = f"does not contain APP_URL's origin, so its pages cannot sell: add {origin}"
        yield Doubt("ALLOWED_ORIGINS", message)
    if wide := [str(network) for network in settings.trusted_proxies if is_wide(network)]:
        message = (
            f"{', '.join(wide)} includes strangers, who could then fake the address that rate "
            "limits count; list only your proxies' addresses"
        )
        yield Doubt("TRUSTED_PROXIES", message, is_logged_at_start=True)


def _address(name: str, text: str) -> Iterator[Doubt]:
    url = read_web_url(text)
    if _EXAMPLE_HOST.fullmatch(url.host):
        yield Doubt(name, f"{url.host} is a placeholder; set your shop's own address")
    if url.scheme == "http" and not url.is_loopback:
        message = (
            f"{url.origin} is plain http; Stripe's live mode sends buyers back over https only"
        )
        yield Doubt(name, message)


def is_wide(network: Network) -> bool:
    """Return whether the network is so large that it must contain strangers."""
    return network.prefixlen < _PREFIX_MIN[network.version] and not _is_within(network, _PRIVATE)


def _is_within(network: Network, wider: Iterable[Network]) -> bool:
    return any(
        network.version == each.version and network.subnet_of(each)  # type: ignore[arg-type]  # of one version
        for each in wider
    )


def _unset(settings: Settings) -> Iterator[Doubt]:
    if settings.allowed_origins is None:
        message = "unset: pages of any origin may start a checkout; set your shop's origins"
        yield Doubt("ALLOWED_ORIGINS", message)
    if settings.stripe_livemode is None:
        message = "unset: test events count like live ones; set it to true for a live shop"
        yield Doubt("STRIPE_LIVEMODE", message)
    if not settings.trusted_proxies:
        message = "unset: behind a proxy, all buyers share one limit; set the proxy's addresses"
        yield Doubt("TRUSTED_PROXIES", message)
