"""The beat: sends the sweep every second and notes that it ticks."""

from typing import Any, Final

import structlog
from celery.beat import Scheduler
from sqlalchemy.exc import SQLAlchemyError
from typing_extensions import override

from tidegate.clock import monotonic
from tidegate.domain.errors import NoSpace
from tidegate.signs import Sign
from tidegate.store.health import BEAT
from tidegate_workers.runtime import runtime

NOTE_EVERY: Final = 2.0
"""Seconds between two notes that the beat ticks."""

log = structlog.get_logger(__name__)


class NotedScheduler(Scheduler):
    """Celery's scheduler in memory, which leaves a sign of life in the database."""

    _noted = float("-inf")
    _sign = Sign(runtime.settings.signs, "beat")

    @override
    def tick(self, *args: Any, **kwargs: Any) -> float:
        wait = super().tick(*args, **kwargs)
        if monotonic() - self._noted >= NOTE_EVERY:
            self._note()
        return float(wait)

    def _note(self) -> None:
        try:
            with runtime.store.write() as uow:
                uow.heartbeats.beat(f"beat:{runtime.owner}", BEAT, uow.now())
            self._sign.say()
        except (SQLAlchemyError, NoSpace, OSError) as error:
            log.warning("beat_not_noted", why=str(error)[:300])
        self._noted = monotonic()
