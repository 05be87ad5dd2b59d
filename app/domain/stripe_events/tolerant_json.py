r"""Parses JSON that strict parsers reject although RFC 8259 allows it: lone surrogates.

Stripe's events contain text from shops and buyers, truncated to a maximum length: half of an emoji
remains as the escape `\ud83d` (RFC 8259, 8.2). Such text cannot be encoded as UTF-8, so it may be
compared, but never stored or sent.
"""

import json
from typing import NoReturn


def read_tolerantly(body: bytes) -> object:
    """Return the document in `body`, whose strings may contain lone surrogates.

    Raises:
        ValueError: it is not JSON, not UTF-8, or nested too deeply.
    """
    try:
        document: object = json.loads(body.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("the document is too deep") from error
    return document


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
