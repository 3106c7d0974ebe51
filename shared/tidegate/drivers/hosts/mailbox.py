"""What the event loop hands to the thread that follows a run, in order and bounded."""

import asyncio
import threading
from typing import Final

from tidegate.drivers.hosts import LogPiece, Report

_FULL: Final = 2 << 20
_WEIGHT: Final = 512
"""What a report counts for beside its bytes."""
_GATHER: Final = 0.2
"""Seconds in which a first report waits for more: each batch is a transaction of its reader."""


class Mailbox:
    """Reports from the loop's thread to the one that waits for them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._reports: list[Report] = []
        self._weight = 0
        self._closed = False
        self._mail = threading.Condition()
        self._room = asyncio.Event()
        self._room.set()

    def post(self, report: Report) -> None:
        """Put *report* in; called on the loop."""
        with self._mail:
            self._reports.append(report)
            self._weight += _WEIGHT + (len(report.data) if isinstance(report, LogPiece) else 0)
            if self._is_full:
                self._room.clear()
            if self._is_full or len(self._reports) == 1:
                self._mail.notify()

    @property
    def _is_full(self) -> bool:
        return self._weight > _FULL

    def close(self) -> None:
        """Say that nothing more will come."""
        with self._mail:
            self._closed = True
            self._mail.notify()

    async def room(self) -> None:
        """Wait until the reader has caught up."""
        await self._room.wait()

    def take(self, within: float) -> tuple[list[Report], bool]:
        """Return what has come, waiting *within* so many seconds; and whether more may come.

        What comes shortly after the first report is returned with it.
        """
        with self._mail:
            if not self._reports and not self._closed:
                self._mail.wait(within)
            if self._reports:
                self._mail.wait_for(lambda: self._closed or self._is_full, _GATHER)
            reports, self._reports = self._reports, []
            was_full = self._is_full
            self._weight = 0
            open_ = not self._closed
        if was_full and open_:
            self._loop.call_soon_threadsafe(self._room.set)
        return reports, open_
