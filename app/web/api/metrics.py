"""GET /metrics: the metrics, for Prometheus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from app.web.openapi import TEXT, Operation, content
from app.web.routes import get_and_head

_GET_METRICS: Final = Operation(
    id="getMetrics",
    tag="operations",
    summary="Read the metrics",
    answers={
        "200": {
            "description": "In the text format of Prometheus.",
            **content(TEXT, "text/plain"),
        }
    },
)


@dataclass(frozen=True, slots=True)
class MetricsEndpoint:
    """Serves the text that `exposition` returns, with the content type `media_type`."""

    exposition: Callable[[], bytes]
    media_type: str

    def routes(self) -> Sequence[BaseRoute]:
        """GET and HEAD /metrics."""
        return get_and_head("/metrics", self.answer, _GET_METRICS)

    async def answer(self, _: Request) -> Response:
        """Return the current metrics."""
        return Response(self.exposition(), media_type=self.media_type)
