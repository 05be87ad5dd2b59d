"""Who hears of what this process has committed."""

from collections.abc import Collection

from app.usecases.records import Payment
from app.usecases.wake_events import OnChange


class Changes:
    """Tells all its listeners, in the order in which they came. They never fail and never wait."""

    def __init__(self) -> None:
        self._listeners: list[OnChange] = []

    def reach(self, listener: OnChange) -> None:
        """Tell `listener` of every change from now on."""
        self._listeners.append(listener)

    def __call__(self, payments: Collection[Payment]) -> None:
        """These payments were committed."""
        for listener in self._listeners:
            listener(payments)
