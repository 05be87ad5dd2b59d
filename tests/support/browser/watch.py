"""Watches a browser for what no page may do in any test."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request, WebError

LOOPBACK: Final = {"localhost", "127.0.0.1", "::1", "shop.test"}
NETWORK: Final = {"http", "https", "ws", "wss"}
# A canceled request: its page was left, or its script stopped waiting.
GIVEN_UP: Final = "net::ERR_ABORTED"

# Chromium's own console message does not cover policies that only report.
TELL_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => console.error(
  `Content-Security-Policy: ${event.effectiveDirective} forbids ${event.blockedURI}`,
));
"""


class Watch:
    """Collects faults in the contexts of one test; at its end there must be none."""

    def __init__(self) -> None:
        self._found: list[str] = []
        self._expected: list[str] = []
        self._allowed: list[str] = []

    async def over(self, context: BrowserContext) -> None:
        """Start watching every page of `context`."""
        context.on("console", self._hear)
        context.on("weberror", self._catch)
        context.on("request", self._see)
        context.on("requestfailed", self._miss)
        context.on("page", self._follow)
        await context.add_init_script(TELL_VIOLATIONS)

    def expect(self, words: str) -> None:
        """Expect a message with these words; it must happen and is not a fault."""
        self._expected.append(words)

    def allow(self, words: str) -> None:
        """Allow a message with these words; it may happen and is not a fault."""
        self._allowed.append(words)

    @property
    def faults(self) -> Sequence[str]:
        """Return unexpected messages, and expected ones that did not happen."""
        known = (*self._expected, *self._allowed)
        unknown = [found for found in self._found if not any(words in found for words in known)]
        missing = [
            f"expected, and did not happen: {words}"
            for words in self._expected
            if not any(words in found for found in self._found)
        ]
        return [*unknown, *missing]

    def assert_clean(self) -> None:
        assert not self.faults, "the browser noticed:\n" + "\n".join(self.faults)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            where = message.location.get("url", "")
            self._found.append(f"console {message.type}: {message.text} ({where})")

    def _catch(self, error: WebError) -> None:
        self._found.append(f"page error: {error.error}")

    def _see(self, request: Request) -> None:
        self._judge_address(request.url, request.method)

    def _miss(self, request: Request) -> None:
        if request.failure != GIVEN_UP:
            self._found.append(f"failed request: {request.url} ({request.failure})")

    def _follow(self, page: Page) -> None:
        page.on("websocket", lambda socket: self._judge_address(socket.url, "WebSocket"))

    def _judge_address(self, url: str, method: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in NETWORK and parts.hostname not in LOOPBACK:
            self._found.append(f"outside request: {method} {url}")
