"""Events that were not processed, and one event; both may be replayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.domain.fold.records import EventState
from app.domain.ids import EVENT_ID
from app.usecases.inspect_events import EventInspection, InspectEvents
from app.usecases.records import EventQuery
from app.usecases.replay_events import ReplayEvents
from app.web.console.frame import Frame
from app.web.console.guard import Guard
from app.web.console.visit import Visit, place_of, see_other

EVENTS_MAX: Final = 100
_ALL: Final = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsPage:
    """`/console/events`: the failed ones, or those of another state."""

    inspect: InspectEvents
    replay: ReplayEvents
    frame: Frame

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """The list, one event, and replaying one or all that are listed."""
        path = "/console/events"
        return [
            guard.page(path, self.show),
            guard.page(f"{path}/{{id}}", self.one),
            guard.act(f"{path}/replay", self.all_again),
            guard.act(f"{path}/{{id}}/replay", self.again),
        ]

    async def show(self, visit: Visit) -> Response:
        """Return the latest events of a state, or raise a `CheckoutError`."""
        asked = visit.request.query_params.get("state", "")
        state = _state(asked)
        wanted = EventQuery(state=None if asked == _ALL else state, limit=EVENTS_MAX + 1)
        found = await self.inspect.list(wanted)
        values = {
            "events": found[:EVENTS_MAX],
            "has_more": len(found) > EVENTS_MAX,
            "states": [EventState.FAILED, EventState.WAITING, EventState.UNREAD, _ALL],
            "state": wanted.state or _ALL,
        }
        return self.frame.page(visit, "events.html", values)

    async def one(self, visit: Visit) -> Response:
        """Return one event's page, or raise a `CheckoutError`."""
        seen = await self._inspected(visit.request.path_params["id"])
        values = {"row": seen.row, "object_ids": seen.object_ids, "payments": seen.payments}
        return self.frame.page(visit, "event.html", values)

    async def again(self, visit: Visit) -> Response:
        """Replay the event, or raise a `CheckoutError`."""
        event_id = visit.request.path_params["id"]
        if not EVENT_ID.fullmatch(event_id) or not await self.replay([event_id]):
            raise NotFoundError("There is no such event, or its body is no longer kept.")
        state = (await self._inspected(event_id)).row.state
        place = place_of(visit.form.get("place", "")) or f"events/{event_id}"
        return see_other(visit.request, place, done=f"replayed_{state}")

    async def all_again(self, visit: Visit) -> Response:
        """Replay the events that the list shows, or raise a `CheckoutError`."""
        state = _state(visit.form.get("state", ""))
        found = await self.inspect.list(EventQuery(state=state, limit=EVENTS_MAX))
        ended = await self.replay([each.id for each in found])
        counts = {"tried": ended.total(), "failed": ended[EventState.FAILED]}
        return see_other(visit.request, f"events?state={state}", done="replayed", **counts)

    async def _inspected(self, event_id: str) -> EventInspection:
        if not EVENT_ID.fullmatch(event_id):
            raise NotFoundError("There is no event with that id.")
        return await self.inspect.show(event_id)


def _state(asked: str) -> EventState:
    return EventState(asked) if asked in [*EventState] else EventState.FAILED
