"""Posts notifications to the shop's receiver, signed."""

from collections.abc import Mapping, Sequence

from app.adapters.posts import Posts
from app.domain.notifications.signatures import signatures
from app.domain.notifications.tries import Answer
from app.usecases.document_json import json_of
from app.usecases.order_document import Document
from app.usecases.ports import Clock


class Receiver:
    """The shop's receiver of notifications."""

    def __init__(
        self,
        posts: Posts,
        *,
        keys: Sequence[bytes],
        auth_header: str | None,
        clock: Clock,
        version: str,
    ) -> None:
        """`keys` sign each notification, the newest first; `auth_header` is `Name: value`."""
        self._posts = posts
        self._keys = keys
        self._headers = _headers(version, auth_header)
        self._clock = clock

    async def post(self, notification_id: str, document: Document) -> Answer:
        """Make one attempt, signed with its own time; return what happened."""
        body = json_of(document)
        at_s = self._clock.now_ms() // 1000
        signature = signatures(self._keys, id_=notification_id, at_s=at_s, body=body)
        headers = {
            "webhook-id": notification_id,
            "webhook-timestamp": str(at_s),
            "webhook-signature": signature,
        }
        return await self._posts.post({**self._headers, **headers}, body)


def _headers(version: str, auth_header: str | None) -> Mapping[str, str]:
    ours = {
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "user-agent": f"altan-checkout/{version}",
    }
    if auth_header is None:
        return ours
    name, _, value = auth_header.partition(":")
    return ours | {name.lower(): value.strip()}
