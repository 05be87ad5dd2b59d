"""The settings for further fields of payment pages, and their types."""

from typing import Annotated, Final

import orjson
from pydantic import BeforeValidator, Field, JsonValue, model_validator
from pydantic_settings import BaseSettings, NoDecode

from app.domain.checkout.passed_fields import PassedField
from app.settings.types import split_list

EXTRA_BYTES_MAX: Final = 16 * 1024
_EXAMPLE: Final = 'for example {"allow_promotion_codes": true}'
_DOCUMENTED: Final = ("success_url", "cancel_url", "line_items", "mode")


def _read_extra(value: object) -> object:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise ValueError(f"is not valid JSON; {_EXAMPLE}") from error
    if not isinstance(value, dict):
        raise ValueError(f"must be a JSON object; {_EXAMPLE}")  # noqa: TRY004 the setting's value
    if documented := [name for name in _DOCUMENTED if name in value]:
        raise ValueError(f"{documented[0]} is one of the fields that each cart fills in; remove it")
    _check_size(value)
    return value


def _check_size(value: object) -> None:
    try:
        body_bytes = len(orjson.dumps(value))
    except orjson.JSONEncodeError as error:  # nested too deeply to be sent
        raise ValueError(f"cannot be written as JSON: {error}") from error
    if body_bytes > EXTRA_BYTES_MAX:
        raise ValueError(f"must be at most {EXTRA_BYTES_MAX} bytes")


# `NoDecode` must be outermost, as in `Origins`.
ExtraFields = Annotated[dict[str, JsonValue] | None, NoDecode, BeforeValidator(_read_extra)]
PassedFieldNames = Annotated[tuple[PassedField, ...], NoDecode, BeforeValidator(split_list)]


class AltanPayFieldSettings(BaseSettings):
    """The settings for further fields of payment pages."""

    altan_pay_extra: ExtraFields = Field(
        None, description="a JSON object of further Stripe parameters for every payment page"
    )
    altan_pay_pass: PassedFieldNames = Field(
        (), description="the fields that a cart may pass on to the payment page"
    )

    @model_validator(mode="after")
    def _no_field_twice(self) -> "AltanPayFieldSettings":
        """Refuse a field in both settings, because one value would be lost."""
        extra = self.altan_pay_extra or {}
        if both := [field.value for field in self.altan_pay_pass if field in extra]:
            raise ValueError(
                f"ALTAN_PAY_EXTRA is wrong: {both[0]} comes from the cart (ALTAN_PAY_PASS); "
                "remove it from one of the two"
            )
        return self
