"""The bodies that Stripe once sent."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.builders import ROOT


def real_events() -> Sequence[Path]:
    """Return real bodies from Stripe, one for each type (tests/stripe_events/README.md)."""
    return sorted((ROOT / "tests/stripe_events").glob("*.json"))
