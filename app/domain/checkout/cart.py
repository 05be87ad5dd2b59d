"""Reads and validates carts: Stripe's limits, the shop's limits, no unknown fields."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from app.domain.checkout.form_words import NO_LINES, described
from app.domain.checkout.passed_fields import PassedField, PassedFields, read_passed_fields
from app.domain.errors import Fault, InvalidCartError, member_pointer
from app.domain.ids import UNKNOWN_BUCKET

FAULTS_MAX = 20  # enough to fix at once, and a hostile body cannot cause a long response
# More than a cart needs: at most 100 prices, of which each may be in several lines. A body has room
# for many more, and reading them would delay all other requests.
LINES_MAX: Final = 1000

IDEMPOTENCY_KEY: Final = "idempotency_key"  # a form's field
_NO_LINE_ITEMS: Final = "must be a list of at least one {price, quantity}"

PRICE_ID = re.compile(r"price_[A-Za-z0-9_]{1,249}")
_CLIENT_REFERENCE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


class Mode(StrEnum):
    """A Checkout Session's mode: a one-time purchase, or recurring billing."""

    PAYMENT = "payment"
    SUBSCRIPTION = "subscription"


# Stripe, checkout/sessions/create: 100 in payment mode; 20 recurring and 20 one-time otherwise.
LINE_ITEMS_MAX: Final[Mapping[Mode, int]] = {Mode.PAYMENT: 100, Mode.SUBSCRIPTION: 40}


@dataclass(frozen=True, slots=True)
class LineItem:
    """A Stripe price and a quantity."""

    price: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cart:
    """A cart. Each price is listed once, in the order of its first mention."""

    line_items: tuple[LineItem, ...]
    mode: Mode


class CreatedBy(StrEnum):
    """Who sent a cart: a browser can send anything, but a server needs a token."""

    BROWSER = "browser"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """A validated request to start a checkout.

    `at` is the JSON pointer to the cart in the body. `positions` has, for each of the cart's line
    items, the index in the body's line_items where its price was first mentioned. `client` is the
    client's name from `networks.py`; it is only counted, never stored or forwarded. `passed` is
    handed on to the payment page.
    `is_form`: it came as a form, so faults are named by its fields.
    """

    cart: Cart
    positions: tuple[int, ...]
    success_url: str | None = None
    cancel_url: str | None = None
    client_reference_id: str | None = None
    at: str = ""
    client: str = UNKNOWN_BUCKET
    created_by: CreatedBy = CreatedBy.BROWSER
    passed: PassedFields = field(default_factory=dict, repr=False)
    is_form: bool = False


def read_checkout_request(
    document: object,
    *,
    quantity_max: int,
    may_pass: Collection[PassedField] = (),
    is_form: bool = False,
) -> CheckoutRequest:
    """Read a parsed JSON body, either bare or wrapped as `{"payload": {…}}` as for Altan Pay.

    `may_pass` are the fields that a cart may hand on to the payment page. `is_form`: the document
    was made of a form, so faults are named by its fields.

    Raises:
        InvalidCartError: with a pointer into `document` for each of the first twenty faults.
    """
    at = ""
    if isinstance(document, dict) and document.keys() == {"payload"}:  # never of a form
        document, at = document["payload"], "/payload"
    reader = _Reader(quantity_max=quantity_max, may_pass=may_pass, is_form=is_form)
    request = reader.read(document, at)
    if reader.faults or request is None:
        detail, faults = described(
            InvalidCartError.title, reader.faults, is_form=is_form, unlisted=reader.unlisted
        )
        raise InvalidCartError(detail, faults=faults)
    return request


class _Reader:
    """Continues after a fault, so that the response lists the first ones and counts all."""

    _FIELDS = ("line_items", "mode", "success_url", "cancel_url", "client_reference_id")
    _ITEM_FIELDS = ("price", "quantity")

    def __init__(
        self, *, quantity_max: int, may_pass: Collection[PassedField], is_form: bool
    ) -> None:
        self.faults: list[Fault] = []
        self.unlisted = 0
        self._quantity_max = quantity_max
        self._may_pass = may_pass
        self._is_form = is_form
        self._known = tuple(dict.fromkeys((*self._FIELDS, *may_pass)))

    def read(self, document: object, at: str) -> CheckoutRequest | None:
        if not isinstance(document, dict):
            self._fault(at, "must be an object with line_items")
            return None
        self._refuse_unknown(document, self._known, at)
        mode = self._mode(document.get("mode", Mode.PAYMENT), f"{at}/mode")
        items, positions = self._line_items(document.get("line_items"), f"{at}/line_items", mode)
        client_reference_id = self._client_reference_id(document, at)
        return CheckoutRequest(
            cart=Cart(items, mode),
            positions=positions,
            success_url=self._optional_text(document, "success_url", at),
            cancel_url=self._optional_text(document, "cancel_url", at),
            client_reference_id=client_reference_id,
            at=at,
            is_form=self._is_form,
            passed=self._passed(document, client_reference_id, at),
        )

    def _client_reference_id(self, document: Mapping[str, object], at: str) -> str | None:
        value = self._optional_text(document, "client_reference_id", at)
        if value is not None and not _CLIENT_REFERENCE_ID.fullmatch(value):
            self._fault(f"{at}/client_reference_id", "must be 1 to 200 of A-Z a-z 0-9 _ -")
        return value

    def _passed(
        self, document: Mapping[str, object], client_reference_id: str | None, at: str
    ) -> PassedFields:
        passed, faults = read_passed_fields(document, self._may_pass, at)
        for fault in faults:
            self._fault(fault.pointer, fault.detail)
        if client_reference_id and PassedField.CLIENT_REFERENCE_ID in self._may_pass:
            passed[PassedField.CLIENT_REFERENCE_ID.value] = client_reference_id
        return passed

    def _mode(self, value: object, pointer: str) -> Mode:
        if isinstance(value, str) and value in set(Mode):
            return Mode(value)
        self._fault(pointer, 'must be "payment" or "subscription"')
        return Mode.PAYMENT

    def _line_items(
        self, value: object, pointer: str, mode: Mode
    ) -> tuple[tuple[LineItem, ...], tuple[int, ...]]:
        if not isinstance(value, list) or not value:
            self._fault(pointer, NO_LINES if self._is_form else _NO_LINE_ITEMS)
            return (), ()
        if len(value) > LINES_MAX:
            self._fault(pointer, _at_most(f"{LINES_MAX} lines", is_form=self._is_form))
            return (), ()
        quantities: dict[str, int] = {}
        positions: dict[str, int] = {}
        for index, entry in enumerate(value):
            item = self._line_item(entry, f"{pointer}/{index}")
            if item is not None:
                positions.setdefault(item.price, index)
                self._add(quantities, item, f"{pointer}/{index}/quantity")
        if len(quantities) > LINE_ITEMS_MAX[mode]:
            limit = f"{LINE_ITEMS_MAX[mode]} different prices in {mode} mode"
            self._fault(pointer, _at_most(limit, is_form=self._is_form))
        items = tuple(LineItem(price, quantity) for price, quantity in quantities.items())
        return items, tuple(positions.values())

    def _line_item(self, entry: object, pointer: str) -> LineItem | None:
        if not isinstance(entry, dict):
            self._fault(pointer, "must be an object with price and quantity")
            return None
        self._refuse_unknown(entry, self._ITEM_FIELDS, pointer)
        price, quantity = entry.get("price"), entry.get("quantity")
        price_is_good = isinstance(price, str) and PRICE_ID.fullmatch(price) is not None
        if not price_is_good:
            self._fault(
                f"{pointer}/price",
                "must be a Stripe price id, price_…",
            )
        if type(quantity) is not int or not 1 <= quantity <= self._quantity_max:  # a bool is an int
            self._fault(
                f"{pointer}/quantity", f"must be a whole number from 1 to {self._quantity_max}"
            )
            return None
        return LineItem(str(price), quantity) if price_is_good else None

    def _add(self, quantities: dict[str, int], item: LineItem, pointer: str) -> None:
        already = quantities.get(item.price, 0)
        quantities[item.price] = already + item.quantity
        if already <= self._quantity_max < already + item.quantity:
            self._fault(
                pointer,
                f"adds up to more than {self._quantity_max} of {item.price} with the lines above",
            )

    def _optional_text(self, document: Mapping[str, object], name: str, at: str) -> str | None:
        value = document.get(name)
        if value is None or isinstance(value, str):
            return value
        self._fault(f"{at}/{name}", "must be a string")
        return None

    def _refuse_unknown(self, document: Iterable[object], known: tuple[str, ...], at: str) -> None:
        unknown = [name for name in document if name not in known]
        room = FAULTS_MAX - len(self.faults)
        for name in unknown[:room]:
            is_item = known is self._ITEM_FIELDS
            detail = _use(known) if is_item else self._about_unknown(name)
            self._fault(member_pointer(at, name), detail)
        self.unlisted += len(unknown[room:])

    def _about_unknown(self, name: object) -> str:
        if name in set(PassedField):
            return "is turned off; the shop's owner can allow it in ALTAN_PAY_PASS"
        if name == IDEMPOTENCY_KEY:
            return "is not a known field; in JSON, send the header Idempotency-Key"
        known = self._known
        if self._is_form:
            known = (*self._ITEM_FIELDS, *known[1:], IDEMPOTENCY_KEY)
        return _use(known)

    def _fault(self, pointer: str, detail: str) -> None:
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(Fault(pointer, detail))
        else:
            self.unlisted += 1


def _at_most(limit: str, *, is_form: bool) -> str:
    return f"{'a form may contain' if is_form else 'must be'} at most {limit}"


def _use(known: Iterable[str]) -> str:
    return f"is not a known field; use {', '.join(known)}"
