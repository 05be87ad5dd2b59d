"""What `altan-checkout doctor` finds."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a finding stands."""

    OK = "ok"
    WARNING = "warning"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table: what was looked at, how it stands, what to know or do."""

    subject: str
    verdict: Verdict
    words: str
