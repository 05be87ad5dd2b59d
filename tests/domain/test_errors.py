"""Which errors mean that nothing can be stored, and how a detail says a fault."""

import pytest

from app.domain.errors import (
    DETAIL_LENGTH_MAX,
    ActTooLargeError,
    CommitInDoubtError,
    Fault,
    RowsRefusedError,
    StorageUnavailableError,
    first_of,
    is_storage_down,
)


@pytest.mark.parametrize(
    ("error", "is_down"),
    [
        (StorageUnavailableError("gone"), True),
        (CommitInDoubtError("gone"), True),
        (RowsRefusedError("bad row"), False),
        (ActTooLargeError("too much"), False),
        (ValueError("a defect"), False),
    ],
)
def test_the_storage_is_down_unless_only_this_data_is_refused(
    error: Exception,
    is_down: bool,  # noqa: FBT001 an example
) -> None:
    assert is_storage_down(error) is is_down


def test_a_detail_with_a_long_fault_is_cut() -> None:
    fault = Fault("/mode", "x" * 1000)

    detail = first_of("Wrong", [fault])

    assert detail.startswith("Wrong: /mode xxx")
    assert detail.endswith("x…")
    assert len(detail) == DETAIL_LENGTH_MAX
    assert first_of("Wrong", [fault, fault]) == f"{detail} 1 more: see errors."
