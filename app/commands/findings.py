"""The results of `altan-checkout doctor`."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """A finding's result."""

    OK = "ok"
    WARNING = "warning"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the table: what was checked, the result, and what to know or do."""

    subject: str
    verdict: Verdict
    message: str
