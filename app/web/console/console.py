"""The console: all of its pages and acts, as one endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from starlette.routing import BaseRoute

from app.web.console.guard import Guard


class ConsolePage(Protocol):
    """A page declares its own routes."""

    def routes(self, guard: Guard) -> Sequence[BaseRoute]:
        """Return the page's and its acts' routes, which only signed-in operators get through."""


@dataclass(frozen=True, slots=True)
class ConsoleEndpoint:
    """Answers at all addresses of the console. None is in the schema: they are for people."""

    guard: Guard
    pages: Sequence[ConsolePage]

    def routes(self) -> Sequence[BaseRoute]:
        """Return the pages' routes, those to sign in and out, and that of all other addresses."""
        pages = [route for page in self.pages for route in page.routes(self.guard)]
        return [*pages, *self.guard.signing(), self.guard.rest()]
