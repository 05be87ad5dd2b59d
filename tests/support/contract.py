"""Reads /openapi.json as a generated client would: with its references followed."""

from typing import Any

import jsonschema  # type: ignore[import-untyped]


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def schemas(node: object) -> list[dict[str, Any]]:
    """Return every schema in the document."""
    if isinstance(node, list):
        return [schema for entry in node for schema in schemas(entry)]
    if not isinstance(node, dict):
        return []
    own = [node["schema"]] if "schema" in node else [*node.get("schemas", {}).values()]
    return own + [schema for entry in node.values() for schema in schemas(entry)]


def references(node: object) -> set[str]:
    """Return the names of the components that `node` refers to."""
    if isinstance(node, list):
        return {name for entry in node for name in references(entry)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].rsplit("/", 1)[-1]} if "$ref" in node else set()
    return own.union(*(references(entry) for entry in node.values()))


def component(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Resolve a reference; return any other schema unchanged."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return found


def validator(document: dict[str, Any], schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Checks values against one of the document's schemas."""
    whole = {**schema, "components": document["components"]}
    return jsonschema.Draft202012Validator(whole)
