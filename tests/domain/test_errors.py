"""Which errors mean that nothing can be stored."""

import pytest

from app.domain.errors import (
    ActTooLargeError,
    CommitInDoubtError,
    RowsRefusedError,
    StorageUnavailableError,
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
