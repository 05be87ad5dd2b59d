"""Statements that lock the ids that events mention."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Final

LOCKS_OF_THE_IDS: Final = 0x616C7469  # "alti", to keep them apart from the service's other locks

# An id's lock is that of its stripe. With one lock for each id, an event with many ids would use up
# the server's shared memory for locks (6,400 by default). Two transactions whose ids happen to
# share a stripe wait for each other, which costs one commit.
LOCK_STRIPES: Final = 1024


def locking(function: str, object_ids: Collection[str]) -> str:
    """Return SQL that calls `function` for each stripe of these ids, in order."""
    stripes = ",".join(map(str, sorted({_stripe(object_id) for object_id in object_ids})))
    return (
        f"SELECT {function}({LOCKS_OF_THE_IDS}, stripe)"  # noqa: S608 numbers of ours
        f" FROM unnest('{{{stripes}}}'::int[]) AS stripe"
    )


def _stripe(object_id: str) -> int:
    return int.from_bytes(blake2b(object_id.encode(), digest_size=2).digest()) % LOCK_STRIPES
