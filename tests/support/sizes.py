"""How long the proofs run: briefly in `make test`, longer if the environment says so.

    PROOF_KILLS=50 PROOF_SHUFFLES=30 PROOF_EXAMPLES=10000 PROOF_FILLINGS=10 pytest tests/durability
    PROOF_ROUNDS=50 pytest tests/cluster

PROOF_SEED repeats a run: the same histories and the same times of the kills, but not the same
scheduling. Hypothesis stores and prints its own counterexamples.
"""

import os
import random
from typing import Final

_ROUNDS_ORDINARY: Final = 2

KILLS: Final = int(os.environ.get("PROOF_KILLS", "3"))
STORM_KILLS: Final = max(3, (KILLS + 2) // 3)  # in each of three cases: all kinds are met
SHUFFLES: Final = int(os.environ.get("PROOF_SHUFFLES", "2"))
EXAMPLES: Final = int(os.environ.get("PROOF_EXAMPLES", "500"))
FILLINGS: Final = int(os.environ.get("PROOF_FILLINGS", "1"))
ROUNDS: Final = int(os.environ.get("PROOF_ROUNDS", _ROUNDS_ORDINARY))
FEED_S: Final = 60.0 if ROUNDS > _ROUNDS_ORDINARY else 3.0  # how long readers follow the feed
FLEETS: Final = (2, 4) if ROUNDS > _ROUNDS_ORDINARY else (2,)
TELLS_FIGURES: Final = any(name.startswith("PROOF_") for name in os.environ)


def new_seed() -> str:
    """Return the requested seed, or a new one."""
    return os.environ.get("PROOF_SEED") or f"{random.SystemRandom().getrandbits(32):08x}"


def chance_of(*parts: object) -> random.Random:
    """Return random numbers that depend only on the parts."""
    return random.Random(repr(parts))  # noqa: S311 it decides what is tried, and guards nothing
