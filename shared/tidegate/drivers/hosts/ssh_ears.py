"""Hearing and speaking on one exec channel, with back-pressure both ways."""

import asyncio
from typing import Final

import asyncssh
from typing_extensions import override

_FULL: Final = 1 << 20


class Hung(Exception):
    """The channel is closed: nothing more can be said or heard."""


class Ears(asyncssh.SSHClientSession[bytes]):
    """What the other end of a channel says, kept until it is asked for."""

    def __init__(self) -> None:
        self._heard: list[bytes] = []
        self._size = 0
        self._news = asyncio.Event()
        self._nudged = False
        self._paused = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self.complaint = b""
        """The last bytes of stderr."""
        self.exit_code: int | None = None
        self.is_closed = False

    @override
    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan

    @override
    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if datatype is not None:
            self.complaint = (self.complaint + data)[-500:]
            return
        self._heard.append(data)
        self._size += len(data)
        self._news.set()
        if self._size > _FULL and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()

    @override
    def exit_status_received(self, status: int) -> None:
        self.exit_code = status

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self._news.set()
        self._writable.set()

    @override
    def pause_writing(self) -> None:
        self._writable.clear()

    @override
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
        if self._paused and self._channel is not None:
            self._paused = False
            self._channel.resume_reading()
        return said

    async def say(self, data: bytes) -> None:
        """Say *data*, and wait while too much is on its way.

        Raises:
            Hung: Nobody listens any more.
        """
        if self.is_closed or self._channel is None:
            raise Hung
        try:
            self._channel.write(data)
        except (BrokenPipeError, OSError):
            raise Hung from None
        await self._writable.wait()
        if self.is_closed:
            raise Hung
