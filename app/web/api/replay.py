"""POST /events/{id}/replay: lets an operator fold a stored event again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.domain.errors import NotFoundError
from app.domain.fold.records import EventState
from app.usecases.inspect_events import InspectEvents
from app.usecases.replay_events import ReplayEvents
from app.web.api.json_answer import json_answer
from app.web.api.tokens import OPERATOR_REFUSALS, OPERATOR_TOKEN
from app.web.http.bearer import Access, Role
from app.web.openapi import TEXT, Operation, content, object_schema, or_null, parameter
from app.web.routes import post

_REPLAY: Final = Operation(
    id="replayEvent",
    tag="operations",
    summary="Process an event again",
    description="For operators, after the cause of a failure is fixed. Safe to repeat: an event "
    "that was processed before changes nothing.",
    parameters=[
        OPERATOR_TOKEN,
        parameter("path", "id", "The event's id, evt_…."),
    ],
    answers={
        "200": {
            "description": "The event's state now, and the reason if it failed again.",
            **content(
                object_schema(
                    "ReplayedEvent",
                    {
                        "event_id": TEXT,
                        "state": {"type": "string", "enum": [each.value for each in EventState]},
                        "reason": or_null(TEXT),
                    },
                )
            ),
        }
    },
    errors=OPERATOR_REFUSALS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayEndpoint:
    """Replays one event."""

    replay: ReplayEvents
    inspect: InspectEvents
    access: Access

    def routes(self) -> Sequence[BaseRoute]:
        """POST /events/{id}/replay."""
        return [post("/events/{id}/replay", self.again, _REPLAY)]

    async def again(self, request: Request) -> Response:
        """Replay the event and return its state, or raise a `CheckoutError`."""
        self.access.require(Role.OPERATOR, request.scope)
        event_id = request.path_params["id"]
        if not await self.replay([event_id]):
            raise NotFoundError("There is no such event, or its body is no longer kept.")
        row = (await self.inspect.show(event_id)).row
        return json_answer({"event_id": row.id, "state": row.state, "reason": row.reason})
