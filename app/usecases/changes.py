"""Notifies listeners of what this process has committed."""

from collections.abc import Collection

from app.domain.fold.records import Payment
from app.usecases.wake_events import OnChange


class Changes:
    """Calls all listeners in order of registration. They must not fail or wait."""

    def __init__(self) -> None:
        self._listeners: list[OnChange] = []

    def reach(self, listener: OnChange) -> None:
        """Call `listener` for every change from now on."""
        self._listeners.append(listener)

    def __call__(self, payments: Collection[Payment]) -> None:
        """Report that these payments were committed."""
        for listener in self._listeners:
            listener(payments)
