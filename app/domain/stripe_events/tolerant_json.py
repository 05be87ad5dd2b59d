r"""Reads JSON that strict readers refuse, though RFC 8259 allows it: lone surrogates.

Stripe signs what shops and buyers wrote, cut where a field is full: half of an emoji stays behind
as the escape `\ud83d` (RFC 8259, 8.2). Such text cannot be written as UTF-8, so it may be
compared, but never be stored or sent.
"""

import json
from typing import NoReturn


def read_tolerantly(body: bytes) -> object:
    """The document in `body`, whose strings may hold lone surrogates.

    Raises:
        ValueError: it is no JSON all the same, not UTF-8, or too deep.
    """
    try:
        document: object = json.loads(body.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("the document is too deep") from error
    return document


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
