"""A clock that stands until a test moves it."""

from datetime import UTC, datetime, timedelta
from typing import Final

START: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class FakeClock:
    """Says the time that it was given."""

    def __init__(self, at: datetime = START) -> None:
        self._now = at

    def now(self) -> datetime:
        return self._now

    def advance(self, span: timedelta | float) -> None:
        """Let *span* go by; a number means seconds."""
        self._now += span if isinstance(span, timedelta) else timedelta(seconds=span)
