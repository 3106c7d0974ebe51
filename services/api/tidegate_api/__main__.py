"""`python -m tidegate_api`: serves until SIGTERM, then lets what runs come to its end."""

import logging
import signal
import sys
from types import FrameType

import structlog
import uvicorn
from pydantic import ValidationError
from typing_extensions import override

from tidegate.logs import configure_logging
from tidegate.settings import Settings, load_settings
from tidegate.signs import Sign
from tidegate.store.schema import misfit_in_time
from tidegate_api.app import create_app
from tidegate_api.feeds import Feeds

GRACE_SECONDS = 10
log = structlog.get_logger("tidegate_api")


class _Server(uvicorn.Server):
    """Ends event streams when it is told to stop; they would keep it waiting."""

    def __init__(self, config: uvicorn.Config, feeds: Feeds) -> None:
        super().__init__(config)
        self._feeds = feeds

    @override
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._feeds.close_soon()


def main() -> int:
    """Serve, and return the exit code."""
    try:
        settings = load_settings()
    except ValidationError as invalid:
        first = invalid.errors()[0]
        name = "TIDEGATE_" + "_".join(map(str, first["loc"])).upper()
        why = first["msg"].removeprefix("Value error, ")
        sys.stderr.write(f"{name} cannot be taken: {why}.\n")
        return 2
    configure_logging(settings.log_format, settings.log_level)
    app = create_app(settings)
    found = misfit_in_time(
        app.state.parts.store.engine,
        within=settings.start_wait,
        say=lambda reason: log.warning("start_waits", why=reason),
    )
    if found is not None:
        log.error("cannot_start", why=found.reason)
        return 1
    app.state.parts.watch.trouble()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    if settings.insecure_no_auth:
        log.warning("aws_api_takes_any_signature", why="TIDEGATE_INSECURE_NO_AUTH is set")
    _say_where(settings)
    # uvicorn raises the signal that ended it once more when it is done: this is where it arrives.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _leave)
    _Server(config, app.state.parts.feeds).run()
    return 0


def _say_where(settings: Settings) -> None:
    """Tell the health check and the log where the API answers."""
    sign = Sign(settings.signs, "api")
    try:
        sign.answers_at(settings.host, settings.port, "/readyz")
    except OSError as error:
        log.warning("sign_not_left", why=str(error))
    log.info("api_starts", host=settings.host, port=settings.port)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main())
