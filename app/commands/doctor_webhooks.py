"""What `altan-checkout doctor` reports about webhooks: when one was last recorded or refused."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from app.commands.doctor_database import has_database, read_database
from app.commands.findings import Finding, Verdict
from app.databases import AnyDatabase
from app.domain.errors import StorageUnavailableError
from app.settings.settings import Settings
from app.usecases.records import WebhookKind, WebhookSighting

_SHOWN = (WebhookKind.TAKEN, WebhookKind.REFUSED, WebhookKind.IGNORED)


def webhooks_of(settings: Settings) -> Iterator[Finding]:
    """Yield one finding, or none if the database does not exist yet."""
    if not has_database(settings):
        return
    try:
        kept = read_database(settings, _sightings)
    except StorageUnavailableError as error:
        yield Finding("webhooks", Verdict.WARNING, f"not known: {error.detail}")
    else:
        yield judge_webhooks(kept)


async def _sightings(database: AnyDatabase) -> Sequence[WebhookSighting]:
    return await database.read(lambda transaction: transaction.webhook_sightings())


def judge_webhooks(kept: Sequence[WebhookSighting]) -> Finding:
    """Warn if all webhooks were refused or ignored since the last one that was recorded."""
    by_kind = {each.kind: each for each in kept}
    taken_ms = by_kind[WebhookKind.TAKEN].at_ms if WebhookKind.TAKEN in by_kind else 0
    message = "; ".join(_describe(kind, by_kind.get(kind)) for kind in _SHOWN)
    is_unheard = any(
        kind in by_kind and by_kind[kind].at_ms > taken_ms
        for kind in (WebhookKind.UNHEARD, WebhookKind.TOLD)
    )
    if is_unheard:
        message += (
            ". None about your checkouts is recorded: docs/alerts.md#nothing_but_refused_webhooks"
        )
    return Finding("webhooks", Verdict.WARNING if is_unheard else Verdict.OK, message)


def _describe(kind: WebhookKind, sighting: WebhookSighting | None) -> str:
    if sighting is None:
        return f"never {kind}"
    at = datetime.fromtimestamp(sighting.at_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")
    message = f"last {kind} {at[:19]} UTC"
    if sighting.reason:
        message += f" ({sighting.reason})"
    return message
