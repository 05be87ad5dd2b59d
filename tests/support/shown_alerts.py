"""A metric of lasting alerts that only remembers."""

from dataclasses import dataclass, field

from app.usecases.ports import AlertName


@dataclass(slots=True)
class ShownAlerts:
    """Which alerts are shown as lasting."""

    active: set[AlertName] = field(default_factory=set)

    def __call__(self, name: AlertName, *, is_active: bool) -> None:
        (self.active.add if is_active else self.active.discard)(name)
