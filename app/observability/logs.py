"""Logs to standard output: one line per event, JSON for machines or text for people.

Bodies, secrets and personal data are never logged; request ids link related lines.
"""

import logging
import sys
from typing import Final

import orjson
import structlog

from app.domain.printable import printable, printable_json, printable_lines
from app.observability.quiet_uvicorn import quiet_uvicorn

_MULTILINE: Final = frozenset({"exception", "stack"})


def configure_logging(*, level: str, for_people: bool) -> None:
    """Format structlog's and the standard library's lines the same way."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, _escape_values, _console()]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)]
    )
    structlog.configure(
        processors=[*shared, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(_level(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stdout),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    quiet_uvicorn()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, and ours contain our ids
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, _level(level)), force=True)


def _console() -> structlog.dev.ConsoleRenderer:
    """Return a renderer with plain tracebacks: the pretty ones show variables, even secrets."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _escape_values(
    _logger: object, _method: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    """Escape control characters in values, because others can put them into an event's fields."""
    for name, value in line.items():
        if name in _MULTILINE:
            line[name] = printable_lines(str(value))
        elif isinstance(value, str):
            line[name] = printable(value)
        elif not isinstance(value, bool | int | float | None):
            line[name] = printable(repr(value))
    return line


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


def _to_json(document: object, **_: object) -> str:
    return printable_json(orjson.dumps(document, default=str).decode())
