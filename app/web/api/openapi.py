"""What /openapi.json says of the endpoints whose bodies we read ourselves, written by hand."""

from typing import Any, Final

_TEXT: Final = {"type": "string"}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _or_empty(schema: dict[str, Any]) -> dict[str, Any]:
    """What a form sends for a field that nobody filled in."""
    return {"anyOf": [schema, {"type": "string", "maxLength": 0}]}


def _schema(properties: dict[str, Any], *optional: str, **more: object) -> dict[str, Any]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, **more}


_PRICE: Final = {"type": "string", "pattern": "^price_[A-Za-z0-9_]{1,249}$"}
_CHOICES: Final[dict[str, dict[str, Any]]] = {
    "mode": {"type": "string", "enum": ["payment", "subscription"], "default": "payment"},
    "success_url": {"type": "string", "format": "uri", "maxLength": 5000},
    "cancel_url": {"type": "string", "format": "uri", "maxLength": 5000},
    "client_reference_id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"},
}
_KEY: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": 255}


def _cart(quantity: dict[str, Any]) -> dict[str, Any]:
    line_item = _schema({"price": _PRICE, "quantity": quantity}, additionalProperties=False)
    line_items = {"type": "array", "items": line_item, "minItems": 1, "maxItems": 100}
    example = {"line_items": [{"price": "price_ABC123", "quantity": 2}], "mode": "payment"}
    return _schema(
        {"line_items": line_items, **_CHOICES},
        *_CHOICES,
        additionalProperties=False,
        examples=[example],
    )


def _form(quantity: dict[str, Any]) -> dict[str, Any]:
    optional = {
        name: _or_empty(schema) for name, schema in (*_CHOICES.items(), ("idempotency_key", _KEY))
    }
    return _schema(
        {
            "price": {"type": "array", "items": _PRICE, "minItems": 1},
            "quantity": {"type": "array", "items": quantity, "minItems": 1},
            **optional,
        },
        *optional,
        additionalProperties=False,
    )


_STARTED: Final = _schema(
    {
        "checkout_id": _TEXT,
        "url": {"type": "string", "format": "uri"},
        "session_id": _or_null(_TEXT),
        "status_url": _TEXT
        | {"description": "The path of the status, below the service's address."},
    }
)
_SUBSCRIPTION: Final = _schema(
    {
        "id": _TEXT,
        "status": _or_null(_TEXT),
        "current_period_end": _or_null({"type": "string", "format": "date-time"}),
        "cancel_at": _or_null({"type": "string", "format": "date-time"}),
        "cancel_at_period_end": _or_null({"type": "boolean"}),
    }
)
_STATUS: Final = _schema(
    {
        "checkout_id": _or_null(_TEXT),
        "session_id": _or_null(_TEXT),
        "mode": _or_null({"type": "string", "enum": ["payment", "subscription"]}),
        "status": {
            "type": "string",
            "enum": [
                "open",
                "processing",
                "paid",
                "failed",
                "expired",
                "partially_refunded",
                "refunded",
                "disputed",
            ],
        },
        "amount_total": _or_null({"type": "integer", "description": "in the minor unit"}),
        "currency": _or_null(_TEXT),
        "amount_refunded": {"type": "integer", "description": "in the minor unit"},
        "paid_at": _or_null({"type": "string", "format": "date-time"}),
        "updated_at": {"type": "string", "format": "date-time"},
        "subscription": _or_null(_SUBSCRIPTION),
    },
    "subscription",
)
_PROBLEM: Final = _schema(
    {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "code": _TEXT,
        "request_id": _TEXT,
        "errors": {"type": "array", "items": _schema({"pointer": _TEXT, "detail": _TEXT})},
    },
    "errors",
)
_RECORDED: Final = _schema(
    {
        "event_id": _TEXT,
        "outcome": {"type": "string", "enum": ["recorded", "duplicate", "ignored"]},
        "reason": _or_null({"type": "string", "enum": ["other_account", "other_mode"]}),
    }
)


def _json(schema: dict[str, Any], media_type: str = "application/json") -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema}}}


def _problems(**by_status: str) -> dict[str, Any]:
    return {
        name.removeprefix("s"): {
            "description": codes,
            "content": {
                "application/problem+json": {"schema": _PROBLEM},
                "text/html": {"schema": _TEXT},
            },
        }
        for name, codes in by_status.items()
    }


def checkout_operation(*, quantity_max: int) -> dict[str, Any]:
    """POST /checkout, with the shop's own limit on quantities."""
    quantity = {"type": "integer", "minimum": 1, "maximum": quantity_max}
    cart = _cart(quantity)
    return {
        "parameters": [
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": _KEY}
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {
                        "anyOf": [cart, _schema({"payload": cart}, additionalProperties=False)]
                    }
                },
                "application/x-www-form-urlencoded": {"schema": _form(quantity)},
            },
        },
        "responses": {
            "200": {"description": "The page's address, for scripts", **_json(_STARTED)},
            "303": {
                "description": "The buyer is sent to the payment page",
                "headers": {"Location": {"schema": {"type": "string", "format": "uri"}}},
                **_json(_STARTED),
            },
            **_problems(
                s400="invalid_json",
                s403="origin_not_allowed",
                s408="body_timeout",
                s409="checkout_in_progress",
                s413="body_too_large",
                s415="unsupported_media_type",
                s422="invalid_cart, price_not_for_sale, redirect_not_allowed, "
                "idempotency_key_reused, cart_refused",
                s429="rate_limited",
                s502="altan_pay_misconfigured, altan_pay_malformed",
                s503="altan_pay_unavailable, overloaded, storage_unavailable",
                s504="altan_pay_timeout",
            ),
        },
    }


_ID: Final[dict[str, Any]] = {
    "name": "id",
    "in": "path",
    "required": True,
    "description": "the checkout id, or the cs_… session id",
    "schema": _TEXT,
}
STATUS: Final[dict[str, Any]] = {
    "parameters": [
        _ID,
        {
            "name": "wait",
            "in": "query",
            "required": False,
            "description": "seconds to hold the answer until something changes, 60 at most",
            "schema": {"type": "number", "minimum": 0},
        },
        {"name": "If-None-Match", "in": "header", "required": False, "schema": _TEXT},
    ],
    "responses": {
        "200": {"description": "The payment's status", **_json(_STATUS)},
        "304": {"description": "As the ETag says, nothing has changed"},
        **_problems(s404="not_found", s422="invalid_wait", s503="overloaded, storage_unavailable"),
    },
}
STATUS_STREAM: Final[dict[str, Any]] = {
    "parameters": [
        _ID,
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": _TEXT},
    ],
    "responses": {
        "200": {
            "description": "Server-sent events named `status`, each with the status object",
            **_json(_TEXT, "text/event-stream"),
        },
        "204": {"description": "Nothing more can happen, and the caller knows the end"},
        **_problems(s404="not_found", s503="overloaded, storage_unavailable"),
    },
}
_LANGUAGE: Final[dict[str, Any]] = {
    "name": "lang",
    "in": "query",
    "required": False,
    "description": "the page's language, before what Accept-Language says",
    "schema": _TEXT,
}
SUCCESS_PAGE: Final[dict[str, Any]] = {
    "parameters": [
        _ID,
        _LANGUAGE,
        {"name": "Accept-Language", "in": "header", "required": False, "schema": _TEXT},
    ],
    "responses": {
        "200": {"description": "The page for the buyer", **_json(_TEXT, "text/html")},
        **_problems(s404="not_found", s503="overloaded, storage_unavailable"),
    },
}
SUCCESS_PAGE_ENTRY: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": _TEXT}
        for name in ("checkout_id", "session_id")
    ]
    + [_LANGUAGE],
    "responses": {
        "303": {
            "description": "The buyer is sent to the page of that checkout",
            "headers": {"Location": {"schema": {"type": "string", "format": "uri-reference"}}},
        },
        **_problems(s404="not_found"),
    },
}
WEBHOOK: Final[dict[str, Any]] = {
    "summary": "Stripe's events",
    "operationId": "stripe_webhook",
    "parameters": [{"name": "Stripe-Signature", "in": "header", "required": True, "schema": _TEXT}],
    "requestBody": {"required": True, **_json({"type": "object"})},
    "responses": {
        "200": {"description": "The event is on disk, or is not ours", **_json(_RECORDED)},
        **_problems(
            s400="signature_missing, signature_invalid, invalid_json, invalid_event",
            s408="body_timeout",
            s413="body_too_large",
            s503="overloaded, storage_unavailable",
        ),
    },
}
_SCRIPT: Final[dict[str, Any]] = {
    "200": {"description": "An ES module", **_json(_TEXT, "text/javascript")},
    "304": {"description": "As the ETag says, nothing has changed"},
}
_IF_NONE_MATCH: Final = {"name": "If-None-Match", "in": "header", "schema": _TEXT}
DROP_IN: Final[dict[str, Any]] = {
    "summary": "What a shop's page imports",
    "parameters": [_IF_NONE_MATCH],
    "responses": _SCRIPT,
}
DROP_IN_PINNED: Final[dict[str, Any]] = {
    "summary": "The same, kept by browsers for ever",
    "parameters": [{"name": "hash", "in": "path", "required": True, "schema": _TEXT}],
    "responses": _SCRIPT | {"307": {"description": "To /checkout.js: the hash is not this one's"}},
}
DROP_IN_TYPES: Final[dict[str, Any]] = {
    "summary": "Its types",
    "parameters": [_IF_NONE_MATCH],
    "responses": {**_SCRIPT, "200": {"description": "Types", **_json(_TEXT, "text/plain")}},
}
HEALTH: Final[dict[str, Any]] = {"200": {"description": "ok", **_json({"type": "object"})}}
READY: Final[dict[str, Any]] = HEALTH | {
    "503": {"description": "not ready; the failing parts are named", **_json({"type": "object"})}
}
METRICS: Final[dict[str, Any]] = {"200": {"description": "metrics", **_json(_TEXT, "text/plain")}}
