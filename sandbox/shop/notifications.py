"""The shop's receiver: the notifications that it got, and ways to make it refuse.

It verifies with its own code, and remembers ids, as any shop's server should.
"""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.bodies import read_body, read_form
from sandbox.config import SandboxConfig
from sandbox.pages import Pages, see_other

PATH: Final = "/sandbox/notifications"
TRIES_MAX: Final = 100
TOLERANCE_S: Final = 300
NO_CONTENT: Final = 204


class Mood(StrEnum):
    """How the receiver answers."""

    TAKES = "takes"
    FAILS = "fails"
    SLOW = "slow"
    GONE = "gone"


_STATUS: Final = {Mood.TAKES: NO_CONTENT, Mood.FAILS: 500, Mood.SLOW: NO_CONTENT, Mood.GONE: 410}
_WORDS: Final = {
    Mood.TAKES: "Answer 204",
    Mood.FAILS: "Answer 500",
    Mood.SLOW: "Answer too late",
    Mood.GONE: "Answer 410, which pauses sending",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One try that arrived. `is_repeated`: a try of the same notification was taken before.

    `is_late`: it is answered after the service has stopped waiting.
    """

    at: datetime
    id: str
    type: str
    order: str
    order_status: str
    status: int
    is_repeated: bool
    is_late: bool


@dataclass(slots=True, kw_only=True)
class Notifications:
    """`/sandbox/notifications`: posted to by the service, looked at by people."""

    config: SandboxConfig
    pages: Pages
    slow_s: float
    mood: Mood = Mood.TAKES
    tries: deque[Try] = field(default_factory=lambda: deque(maxlen=TRIES_MAX))
    _taken: set[str] = field(default_factory=set)

    async def receive(self, request: Request) -> Response:
        """`POST`: verify a notification, note the try, and answer as the mood is."""
        body = await read_body(request)
        id_ = request.headers.get("webhook-id", "")
        if not self._is_signed(request, body):
            raise HTTPException(400, "The notification is not signed with the shop's secret.")
        mood = self.mood
        self.tries.appendleft(self._noted(id_, orjson.loads(body), _STATUS[mood]))
        if mood is Mood.TAKES:
            self._taken.add(id_)
        if mood is Mood.SLOW:
            await asyncio.sleep(self.slow_s)
        return Response(status_code=_STATUS[mood])

    async def show(self, _request: Request) -> Response:
        """`GET`: the latest tries, and a button for each mood; the page follows."""
        moods = [(mood, _WORDS[mood]) for mood in Mood]
        return self.pages.render(
            "notifications.html",
            connect="'self'",
            tries=list(self.tries),
            mood=self.mood,
            moods=moods,
            path=PATH,
            notified=self.config.notified,
        )

    async def list_tries(self, _request: Request) -> Response:
        """`GET …/tries`: the same for programs."""
        tries = [
            {
                "at": each.at.isoformat(),
                "id": each.id,
                "type": each.type,
                "order": each.order,
                "order_status": each.order_status,
                "status": each.status,
                "is_repeated": each.is_repeated,
                "is_late": each.is_late,
            }
            for each in self.tries
        ]
        return JSONResponse({"mood": self.mood, "tries": tries})

    async def change_mood(self, request: Request) -> Response:
        """`POST …/mood`: from now on, answer like this."""
        try:
            self.mood = Mood((await read_form(request)).get("mood", ""))
        except ValueError as error:
            raise HTTPException(400, "mood must be takes, fails, slow or gone.") from error
        return see_other(PATH)

    def _noted(self, id_: str, message: dict[str, Any], status: int) -> Try:
        data = message["data"]
        return Try(
            at=datetime.now(UTC),
            id=id_,
            type=message["type"],
            order=data.get("client_reference_id") or data.get("id") or "",
            order_status=data.get("status", ""),
            status=status,
            is_repeated=id_ in self._taken,
            is_late=self.mood is Mood.SLOW,
        )

    def _is_signed(self, request: Request, body: bytes) -> bool:
        """Whether a signature is right and its time is not long past, as Standard Webhooks asks."""
        at = request.headers.get("webhook-timestamp", "")
        if not at.isdecimal() or abs(time.time() - int(at)) > TOLERANCE_S:
            return False
        key = base64.b64decode(self.config.notify_secret.removeprefix("whsec_"))
        signed = f"{request.headers.get('webhook-id', '')}.{at}.".encode() + body
        right = "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        given = request.headers.get("webhook-signature", "").split(" ")
        return any(hmac.compare_digest(right, each) for each in given)
