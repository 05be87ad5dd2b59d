"""Explains invalid settings: one line for each, without its value."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from app.settings.types import CONNECT_ID_HELP, SECRETS_HELP

_WHAT_TO_DO: Final[Mapping[str, str]] = {
    "ALTAN_ACCOUNT_ID": "set it to your Altan account's id, from your Altan workspace",
    "ALTAN_STRIPE_CONNECT_ID": CONNECT_ID_HELP,
    "STRIPE_WEBHOOK_SECRETS": SECRETS_HELP,
    "APP_URL": "set it to your shop's root URL, for example https://shop.example",
}
_BOUNDS: Final = ("gt", "ge", "le")


def fault_lines(settings: type[BaseSettings], error: ValidationError) -> list[str]:
    """Return one line for each setting, even if several entries of a list are wrong."""
    first = {fault["loc"][:1]: fault for fault in reversed(error.errors())}
    return [_line(settings, fault) for fault in reversed(first.values())]


def _line(settings: type[BaseSettings], fault: Any) -> str:  # noqa: ANN401 pydantic's own dict
    name = str(fault["loc"][0]).upper() if fault["loc"] else ""
    if fault["type"] == "missing":
        return f"{name} is missing: {_WHAT_TO_DO[name]}"
    if fault["type"] == "value_error":  # our own message
        message = str(fault["ctx"]["error"])
        return f"{name} is wrong: {message}" if name else message
    field = settings.model_fields.get(name.lower())
    return f"{name} is wrong: must be {_good_values(field) if field else 'of another form'}"


def _good_values(field: FieldInfo) -> str:
    """Describe a setting's valid values from its type: pydantic's messages are for programmers."""
    types = get_args(field.annotation) or (field.annotation,)
    for type_ in types:
        if type_ is bool:
            return "true or false"
        if type_ in (int, float):
            return _good_numbers(field, "a whole number" if type_ is int else "a number")
        if isinstance(type_, type) and issubclass(type_, StrEnum):
            *most, last = (member.value for member in type_)
            return f"{', '.join(most)} or {last}"
        if type_ is Path:
            return "a path"
    return "a text"


def _good_numbers(field: FieldInfo, kind: str) -> str:
    bounds = {
        bound: value
        for each in field.metadata
        for bound in _BOUNDS
        if (value := getattr(each, bound, None)) is not None
    }
    if "gt" in bounds:
        return f"{kind} above {bounds['gt']}, and {bounds['le']} at most"
    return f"{kind} from {bounds['ge']} to {bounds['le']}"
