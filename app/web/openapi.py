"""Building blocks for /openapi.json. Each endpoint's own entry is in its file.

A schema with a `title` becomes a component of that name, and other schemas refer to it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.domain.errors import CheckoutError
from app.web.errors import InternalError, OverloadedError
from app.web.statuses import WITH_RETRY_AFTER, status_of

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
URL: Final[Schema] = {"type": "string", "format": "uri"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}

TAGS: Final[Mapping[str, str]] = {
    "checkout": "Start a checkout, and redirect the buyer to the payment page.",
    "payments": "Read or follow a payment's status.",
    "orders": "For the shop's own server, with a token: what was bought, by whom, and paid or not.",
    "notifications": "For the shop's own server, with a token: what happened to its orders.",
    "pages": "The page that buyers return to.",
    "module": "The JavaScript module for a shop's pages.",
    "webhooks": "For Stripe.",
    "operations": "Health and metrics, for operators.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the contract.

    `id` is the function's name in generated clients, so it must not change. `answers` has OpenAPI's
    response objects by status. `errors` are the ones that this operation raises; those that every
    operation can return are added.
    """

    id: str
    tag: str
    summary: str
    description: str | None = None
    parameters: Sequence[Schema] = ()
    body: Schema | None = None
    answers: Mapping[str, Schema]
    errors: Sequence[type[CheckoutError]] = ()

    def as_openapi(self) -> Schema:
        """OpenAPI 3.1's operation object."""
        operation: Schema = {
            "operationId": self.id,
            "tags": [self.tag],
            "summary": self.summary,
            "responses": self._responses(),
        }
        if self.description:
            operation["description"] = self.description
        if self.parameters:
            operation["parameters"] = [*self.parameters]
        if self.body:
            operation["requestBody"] = {"required": True, **self.body}
        return operation

    def _responses(self) -> dict[str, Schema]:
        responses = error_answers(*self.errors)
        for status, own in self.answers.items():
            error = responses.get(status, {})  # a status may be both, like 503 of /health/ready
            responses[status] = {**error, **own}
            if error:
                responses[status]["content"] = error["content"] | own["content"]
                responses[status]["description"] = f"{own['description']}\n{error['description']}"
        return dict(sorted(responses.items()))


def object_schema(title: str, properties: Schema, *optional: str, **more: object) -> Schema:
    """Return a component: an object whose properties are required except the `optional` ones."""
    required = [name for name in properties if name not in optional]
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": required,
        **more,
    }


def or_null(schema: Schema) -> Schema:
    """Return a schema for `schema` or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def content(schema: Schema, media_type: str = "application/json") -> Schema:
    """Describe the body of a request or an answer."""
    return {"content": {media_type: {"schema": schema}}}


def parameter(place: str, name: str, description: str, schema: Schema = TEXT) -> Schema:
    """Describe a parameter in `query`, `header` or `path`; only those in `path` are required."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": description,
        "schema": schema,
    }


def header(description: str, schema: Schema = TEXT) -> Schema:
    """Describe a header of an answer."""
    return {"description": description, "schema": schema}


_FAULT: Final = object_schema(
    "Fault",
    {
        "pointer": TEXT
        | {"description": "Of a body: a JSON Pointer (RFC 6901) to the wrong value."},
        "parameter": TEXT | {"description": "Of a query: the wrong parameter's name."},
        "detail": TEXT,
    },
    "pointer",
    "parameter",
)
PROBLEM: Final = object_schema(
    "Problem",
    {
        "type": TEXT,
        "title": TEXT,
        "status": {"type": "integer"},
        "detail": TEXT | {"description": "What is wrong, for people."},
        "code": TEXT | {"description": "What is wrong, for programs. Stable."},
        "request_id": TEXT | {"description": "Also in the answer's X-Request-Id, and in the log."},
        "errors": {"type": "array", "items": _FAULT},
    },
    "errors",
    description="Why a request failed (RFC 9457).",
)


def error_answers(*errors: type[CheckoutError]) -> dict[str, Schema]:
    """Return one response for each status of these errors."""
    by_status = defaultdict[int, list[type[CheckoutError]]](list)
    for error in (*errors, OverloadedError, InternalError):
        by_status[status_of(error)].append(error)
    return {str(status): _error_answer(status, by_status[status]) for status in sorted(by_status)}


def _error_answer(status: int, errors: Iterable[type[CheckoutError]]) -> Schema:
    answer: Schema = {
        "description": "\n".join(f"- `{error.code}`: {error.title}" for error in errors),
        "content": {
            "application/problem+json": {"schema": PROBLEM},
            "text/html": {"schema": TEXT},
        },
    }
    if status in WITH_RETRY_AFTER:
        seconds = header("Try again after this many seconds.", {"type": "integer"})
        answer["headers"] = {"Retry-After": seconds}
    return answer


def with_components(document: Schema) -> Schema:
    """Return the same document with every titled schema in `components`."""
    schemas: dict[str, Schema] = {}
    paths = _referring(document["paths"], schemas)
    return {
        **document,
        "paths": paths,
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _referring(node: object, schemas: dict[str, Schema]) -> Any:  # noqa: ANN401 JSON of any shape
    if isinstance(node, list):
        return [_referring(entry, schemas) for entry in node]
    if not isinstance(node, dict):
        return node
    copy = {
        name: value if name == "examples" else _referring(value, schemas)
        for name, value in node.items()
    }
    title = copy.get("title")
    if not isinstance(title, str):
        return copy
    known = schemas.setdefault(title, copy)
    assert known == copy, f"two schemas are named {title}"  # noqa: S101 our own words
    return {"$ref": f"#/components/schemas/{title}"}
