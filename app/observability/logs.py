"""One line an event, JSON for machines or text for people, on standard output.

No body, no secret and nobody's personal data is ever logged; request ids tie lines together.
"""

import logging
import sys
from typing import Final

import orjson
import structlog

# Strangers cause these at will, a line for each connection; the metrics count them instead.
_UVICORN_FLOODS: Final = frozenset(
    {"Invalid HTTP request received.", "Unsupported upgrade request."}
)


def configure_logging(*, level: str, for_people: bool) -> None:
    """Send structlog's and the standard library's lines the same way."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderers: list[structlog.types.Processor] = (
        [_console()]
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
    handler.addFilter(lambda record: record.msg not in _UVICORN_FLOODS)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs URLs, and ours holds our ids
    logging.basicConfig(handlers=[handler], level=max(logging.INFO, _level(level)), force=True)


def _console() -> structlog.dev.ConsoleRenderer:
    """Plain traces: the pretty ones show local variables, and those hold secrets and bodies."""
    return structlog.dev.ConsoleRenderer(
        colors=sys.stdout.isatty(), exception_formatter=structlog.dev.plain_traceback
    )


def _level(name: str) -> int:
    return logging.getLevelNamesMapping()[name.upper()]


def _to_json(document: object, **_: object) -> str:
    return orjson.dumps(document, default=str).decode()
