"""The only reader of time."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the time is; handed in wherever a decision depends on it."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds that never go back, for measuring how long something took."""
    return time.monotonic()


def from_epoch(seconds: float) -> datetime:
    """Return the moment that a host reported as seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC)
