"""One line an event, JSON for machines or text for people, on standard output.

No body, no secret and nobody's personal data is ever logged; request ids tie lines together.
"""

import logging
import sys
from typing import Final

import orjson
import structlog

from app.observability.printable import printable, printable_json, printable_lines
from app.observability.quiet_uvicorn import quiet_uvicorn

_OF_SEVERAL_LINES: Final = frozenset({"exception", "stack"})


def configure_logging(*, level: str, for_people: bool) -> None:
    """Send structlog's and the standard library's lines the same way."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.types.Processor] = (
        [structlog.processors.format_exc_info, _show_what_is_hidden, _console()]
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
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, and ours holds our ids
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, _level(level)), force=True)


def _console() -> structlog.dev.ConsoleRenderer:
    """Plain traces: the pretty ones show local variables, and those hold secrets and bodies."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _show_what_is_hidden(
    _logger: object, _method: str, line: structlog.types.EventDict
) -> structlog.types.EventDict:
    """What strangers wrote, an event's type or reason, must not command the reader's terminal."""
    for name, value in line.items():
        if name in _OF_SEVERAL_LINES:
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
