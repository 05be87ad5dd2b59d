"""Locks on the ids that events mention: which statement takes them."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Final

LOCKS_OF_THE_IDS: Final = 0x616C7469  # "alti": apart from the other locks of the service

# An id's lock is that of its stripe. With a lock for each id, one event that names many would use
# up the server's memory for locks (6,400 of them by default), which all who use it share. Two
# transactions whose ids share a stripe by chance wait for each other: that costs one commit.
LOCK_STRIPES: Final = 1024


def locking(function: str, object_ids: Collection[str]) -> str:
    """SQL that calls `function` for each stripe of these ids, in the order of the stripes."""
    stripes = ",".join(map(str, sorted({_stripe(object_id) for object_id in object_ids})))
    return (
        f"SELECT {function}({LOCKS_OF_THE_IDS}, stripe)"  # noqa: S608 numbers of ours
        f" FROM unnest('{{{stripes}}}'::int[]) AS stripe"
    )


def _stripe(object_id: str) -> int:
    return int.from_bytes(blake2b(object_id.encode(), digest_size=2).digest()) % LOCK_STRIPES
