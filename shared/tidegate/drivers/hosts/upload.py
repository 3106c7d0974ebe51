"""Sending a host the bytes that it asked for, no faster than it takes them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, TypeAlias

from tidegate.drivers.hosts import Bundle, Failed
from tidegate.drivers.hosts.ears import Ears, Hung

_CHUNK: Final = 256 << 10
_IN_FLIGHT: Final = 4 << 20
"""What may be on its way to the host: in its window, and in the buffers of both systems."""
_LONGEST_GRACE: Final = 15.0


_Sent: TypeAlias = bytes | Bundle | Callable[[], bytes]


class Upload:
    """One answer to a `need`, sent while the host is listened to."""

    def __init__(self, ears: Ears, moved: Callable[[float], None]) -> None:
        """Report to *moved* how far into the future a sign of life reaches."""
        self._ears = ears
        self._moved = moved
        self._task: asyncio.Task[None] | None = None
        self.failure: Failed | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def begin(self, what: _Sent) -> None:
        self._task = asyncio.create_task(self._send(what))

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _send(self, what: _Sent) -> None:
        now = asyncio.get_running_loop().time
        began_at, size = now(), 0
        try:
            async with aclosing(_pieces(what)) as pieces:
                async for piece in pieces:
                    await self._ears.say(piece)
                    size += len(piece)
                    self._moved(0.0)
        except Hung:
            return
        except OSError as bad:
            self.failure = Failed("misconfigured", _unreadable(what, bad.strerror or str(bad)))
            self._ears.nudge()
            return
        # A slow line empties its buffers no faster than it filled them.
        emptying = (now() - began_at) * min(1.0, _IN_FLIGHT / max(size, 1))
        self._moved(min(_LONGEST_GRACE, emptying))
        self._ears.nudge()


def _unreadable(what: _Sent, why: str) -> str:
    path = what.path if isinstance(what, Bundle) else "the runner"
    return f"The bundle {path} cannot be read on this machine: {why.lower()}."


async def _pieces(what: _Sent) -> AsyncGenerator[bytes, None]:
    if isinstance(what, bytes):
        yield what
        return
    if not isinstance(what, Bundle):
        yield await asyncio.to_thread(what)
        return
    left = what.size
    with what.path.open("rb") as file:
        while left:
            piece = await asyncio.to_thread(file.read, min(left, _CHUNK))
            if not piece:
                raise OSError(0, "it is shorter than it was")
            left -= len(piece)
            yield piece
