"""How much is proven: little in `make test`, much where the environment says so.

    PROOF_ROUNDS=50 pytest tests/replicas

PROOF_SEED makes a storm again: the same payments, the same replicas killed after as many answers.
How the machine interleaves them is its own.
"""

import os
import random
from typing import Final

_ROUNDS_ORDINARY: Final = 2

ROUNDS: Final = int(os.environ.get("PROOF_ROUNDS", _ROUNDS_ORDINARY))
IS_SLOW_RUN: Final = ROUNDS > _ROUNDS_ORDINARY
FLEETS: Final = (2, 4) if IS_SLOW_RUN else (2,)
TELLS_FIGURES: Final = any(name.startswith("PROOF_") for name in os.environ)


def new_seed() -> str:
    """The one that is asked for, or another each time."""
    return os.environ.get("PROOF_SEED") or f"{random.SystemRandom().getrandbits(32):08x}"


def chance_of(*parts: object) -> random.Random:
    """The same numbers for the same parts, whatever else is drawn meanwhile."""
    return random.Random(repr(parts))  # noqa: S311 it decides what is tried, and guards nothing
