"""The fields that a cart may pass on to the payment page, if the shop's owner allows them.

Limits are Stripe's (checkout/sessions/create, metadata).
"""

import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from app.domain.errors import Fault, member_pointer

PassedFields = Mapping[str, str | Mapping[str, str]]
"""With Stripe's names. `customer_email` is personal: it is sent on, never stored or logged."""


class PassedField(StrEnum):
    """The fields that ALTAN_PAY_PASS can allow."""

    CUSTOMER_EMAIL = "customer_email"
    CLIENT_REFERENCE_ID = "client_reference_id"
    LOCALE = "locale"
    METADATA = "metadata"


_LOCALES: Final = (
    "auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hi-IN hr hu id it ja ko lt lv ms mt "
    "nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"
)
LOCALES: Final = tuple(_LOCALES.split())
EMAIL_LENGTH_MAX: Final = 254  # RFC 5321: a path of 256, without its brackets
METADATA_KEYS_MAX: Final = 50
METADATA_KEY_LENGTH_MAX: Final = 40
METADATA_VALUE_LENGTH_MAX: Final = 500

_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+")
_KEY: Final = re.compile(rf"[^\[\]]{{1,{METADATA_KEY_LENGTH_MAX}}}", re.DOTALL)


def read_passed_fields(
    document: Mapping[str, object], allowed: Collection[PassedField], at: str
) -> tuple[dict[str, str | dict[str, str]], list[Fault]]:
    """Return the allowed fields of the cart at the pointer `at`, and their faults.

    A field that is null counts as absent. `client_reference_id` is read with the cart.
    """
    passed: dict[str, str | dict[str, str]] = {}
    faults: list[Fault] = []
    for name, read in _READERS.items():
        value = document.get(name.value)
        if name not in allowed or value is None:
            continue
        found = read(value, f"{at}/{name}")
        if isinstance(found, list):
            faults += found
        else:
            passed[name.value] = found
    return passed, faults


def _email(value: object, pointer: str) -> str | list[Fault]:
    is_good = (
        isinstance(value, str)
        and len(value) <= EMAIL_LENGTH_MAX
        and value.isprintable()
        and _EMAIL.fullmatch(value)
    )
    if isinstance(value, str) and is_good:
        return value
    return [Fault(pointer, f"must be an e-mail address of at most {EMAIL_LENGTH_MAX} characters")]


def _locale(value: object, pointer: str) -> str | list[Fault]:
    if isinstance(value, str) and value in LOCALES:
        return value
    return [Fault(pointer, f"must be one of Stripe's locales: {', '.join(LOCALES)}")]


def _metadata(value: object, pointer: str) -> dict[str, str] | list[Fault]:
    if not isinstance(value, dict) or len(value) > METADATA_KEYS_MAX:
        return [Fault(pointer, f"must be an object of at most {METADATA_KEYS_MAX} keys")]
    return [
        Fault(member_pointer(pointer, key), fault)
        for key, text in value.items()
        if (fault := _fault_of_entry(key, text))
    ] or value


def _fault_of_entry(key: str, text: object) -> str | None:
    if not _KEY.fullmatch(key):
        return f"a key must be 1 to {METADATA_KEY_LENGTH_MAX} characters without [ and ]"
    if not isinstance(text, str) or len(text) > METADATA_VALUE_LENGTH_MAX:
        return f"must be a string of at most {METADATA_VALUE_LENGTH_MAX} characters"
    return None


_READERS: Final = {
    PassedField.CUSTOMER_EMAIL: _email,
    PassedField.LOCALE: _locale,
    PassedField.METADATA: _metadata,
}
