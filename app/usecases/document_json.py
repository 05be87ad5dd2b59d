"""Writes documents as JSON for other systems, whatever texts from Stripe are in them."""

import json

import orjson


def json_of(document: object) -> bytes:
    """Return a document as JSON in UTF-8.

    What UTF-8 cannot hold is replaced: half an emoji, which a form's length limit has left of a
    buyer's text.
    """
    try:
        return orjson.dumps(document)
    except TypeError:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
