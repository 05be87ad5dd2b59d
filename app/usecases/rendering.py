"""Reads the documents of notifications so that a defect of one stops no other."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from app.domain.errors import StorageUnavailableError
from app.usecases.order_document import Document
from app.usecases.outbox import Notification

Render = Callable[[Sequence[Notification]], Awaitable[Mapping[str, Document]]]
"""Reads the documents of notifications, by their ids."""


class OrderMissingError(Exception):
    """The order does not exist, which a manual change may cause."""


async def documents_or_defects(
    render: Render, notifications: Sequence[Notification]
) -> list[Document | Exception]:
    """Return the document of each, or why it has none.

    Raises:
        StorageUnavailableError: the database cannot be read.
    """
    if not notifications:
        return []
    missing = OrderMissingError("the order is missing")
    try:
        documents = await render(notifications)
        return [documents.get(each.id, missing) for each in notifications]
    except StorageUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 one of them has it; alone, it fails alone
        if len(notifications) == 1:
            return [error]
        return [(await documents_or_defects(render, [each]))[0] for each in notifications]
