"""Hearing and speaking on one channel, with back-pressure both ways, whatever carries it."""

import asyncio
from typing import Final

_FULL: Final = 1 << 20


class Hung(Exception):
    """The channel is closed: nothing more can be said or heard."""


class Ears:
    """What the other end of a channel says, kept until it is asked for.

    A subclass is the session or protocol of what carries the channel: it gives what is heard to
    `heard`, and says how to write to the channel and how to stop it for a while.
    """

    def __init__(self) -> None:
        self._heard: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._nudged = False
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self.complaint = b""
        """The last bytes of stderr."""
        self.exit_code: int | None = None
        self.is_closed = False

    def write(self, data: bytes) -> None:
        """Give *data* to the channel.

        Raises:
            OSError: It is closed.
        """
        raise NotImplementedError

    def pause_reading(self) -> None:
        raise NotImplementedError

    def resume_reading(self) -> None:
        raise NotImplementedError

    def take(self, data: bytes) -> None:
        """Keep what was said."""
        self._heard.append(data)
        self._size += len(data)
        self._news.set()
        if self._size > _FULL and not self._paused:
            self._paused = True
            self.pause_reading()

    def take_complaint(self, data: bytes) -> None:
        """Keep the end of what was said on stderr."""
        self.complaint = (self.complaint + data)[-500:]

    def close(self) -> None:
        """Note that nothing more will be said or heard."""
        self.is_closed = True
        self._news.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def nudge(self) -> None:
        """Let the one who hears look up, with nothing heard."""
        self._nudged = True
        self._news.set()

    async def hear(self, within: float) -> bytes:
        """Return what was said since the last time, waiting for something; nothing if nudged.

        Raises:
            TimeoutError: Nothing was said *within* so many seconds.
            Hung: Nothing more will be said.
        """
        if not self._heard and not self.is_closed:
            async with asyncio.timeout(max(within, 0)):
                await self._news.wait()
        self._news.clear()
        if not self._heard and not self._nudged:
            raise Hung
        self._nudged = False
        said = b"".join(self._heard)
        self._heard.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self.resume_reading()
        return said

    async def say(self, data: bytes) -> None:
        """Say *data*, and wait while too much is on its way.

        Raises:
            Hung: Nobody listens any more.
        """
        if self.is_closed:
            raise Hung
        try:
            self.write(data)
        except OSError:
            raise Hung from None
        await self._writable.wait()
        if self.is_closed:
            raise Hung
