"""Logs: one line per decision and per outward call, for people or for machines."""

import logging
import sys
from typing import Final

import structlog

_QUIET: Final = (
    "asyncssh",
    "botocore",
    "boto3",
    "urllib3",
    "httpx2",
    "httpcore2",
    "celery.beat",
    "celery.worker.request",
    "celery.worker.strategy",
    "celery.app.trace",
    "alembic",
)
"""Libraries that say much more than anybody wants to know, each at WARNING."""


def configure_logging(style: str, level: str) -> None:
    """Have every line of this process go to stderr in one style: `console` or `json`."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
