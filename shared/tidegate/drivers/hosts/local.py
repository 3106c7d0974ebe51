"""The host driver for this machine itself: the same runner, over pipes to a child process."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Final, cast

from typing_extensions import override

from tidegate.drivers.hosts import Failed, HostAddress, HostRun, Seen
from tidegate.drivers.hosts.ears import Ears
from tidegate.drivers.hosts.errand import Errand, Progress, Runner
from tidegate.drivers.hosts.follow import Following, Unreached, Way
from tidegate.drivers.hosts.hearing import Party
from tidegate.drivers.hosts.lines import quoted
from tidegate.drivers.hosts.loop_hosts import LoopHosts, Unroutable
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.talk import Talk
from tidegate.hostrunner import BOOT

_ENDING: Final = 1.0
"""Seconds in which a session ends by itself, when nobody talks to it any more."""


class LocalHosts(LoopHosts):
    """Runs on this machine, whatever it is called; `python` and `state_dir` are its settings."""

    def __init__(self) -> None:
        super().__init__("tidegate-local", helpers=4)
        self._runner = Runner.ours()
        self._chance = secrets.SystemRandom().uniform

    @override
    def following(
        self,
        address: HostAddress,
        run: HostRun | None,
        *,
        seen: Seen,
        loop: asyncio.AbstractEventLoop,
    ) -> tuple[Following, Mailbox]:
        place = LocalPlace(address.name, _setting(address, "python") or "python3")
        mailbox = Mailbox(loop)
        party = Party(
            place=place,
            errand=Errand(self._runner, run, _setting(address, "state_dir")),
            progress=Progress.since(seen),
            mailbox=mailbox,
            pace=Pace(),
        )
        way = LocalWay(party, place, now=loop.time)
        return Following(party, way, chance=self._chance, now=loop.time), mailbox


def _setting(address: HostAddress, name: str) -> str | None:
    value = address.settings.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Unroutable(f"{address.name} has a wrong setting: {name} is {value!r}; it must be text.")


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """What sentences call this machine, and the interpreter that its runs get."""

    name: str
    python: str

    @override
    def __str__(self) -> str:
        return self.name

    def silence(self, *, exit_code: int, said: bytes, complaint: bytes) -> Failed:
        words = quoted(complaint.strip() or said)
        saying = f" and said {words!r}" if words else " without a word"
        return Failed(
            "refused",
            f"{self.name} did not start the runner: {self.python} ended with status "
            f"{exit_code}{saying}; name a python3 of version 3.6 or later.",
        )


class LocalWay(Way):
    """The child processes of one errand, one after the other."""

    def __init__(self, party: Party, place: LocalPlace, *, now: Callable[[], float]) -> None:
        self._party = party
        self._place = place
        self._now = now

    @override
    async def open(self, stack: AsyncExitStack) -> Talk:
        self._party.progress.hear(self._now())
        loop = asyncio.get_running_loop()
        python = self._place.python
        try:
            # A session of its own: Ctrl-C in a terminal is for the one who follows, not for it.
            _, ears = await loop.subprocess_exec(
                PipeEars, python, "-I", "-S", "-E", "-c", BOOT, start_new_session=True
            )
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            sentence = f"{self._place} did not start the runner: {python} cannot be run ({why})"
            raise Unreached(
                Failed("no_python", f"{sentence}; name a python3 of version 3.6 or later.")
            ) from None
        stack.push_async_callback(ears.end)
        return Talk(ears, self._party)


class PipeEars(Ears, asyncio.SubprocessProtocol):
    """Hears and speaks over the standard streams of a child process."""

    def __init__(self) -> None:
        super().__init__()
        self._transport: asyncio.SubprocessTransport | None = None
        self._ended = asyncio.Event()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self.take(data)
        else:
            self.take_complaint(data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self.exit_code = self._transport.get_returncode()
        self.close()
        self._ended.set()

    @override
    def write(self, data: bytes) -> None:
        pipe = self._pipe(0)
        if pipe is None or pipe.is_closing():
            raise BrokenPipeError
        cast("asyncio.WriteTransport", pipe).write(data)

    @override
    def pause_reading(self) -> None:
        pipe = self._pipe(1)
        if pipe is not None:
            cast("asyncio.ReadTransport", pipe).pause_reading()

    @override
    def resume_reading(self) -> None:
        pipe = self._pipe(1)
        if pipe is not None and not pipe.is_closing():
            cast("asyncio.ReadTransport", pipe).resume_reading()

    async def end(self) -> None:
        """Stop talking, and wait for the process to end."""
        pipe = self._pipe(0)
        if pipe is not None:
            pipe.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                await self._ended.wait()
        if self._transport is not None:
            self._transport.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING):
                await self._ended.wait()

    def _pipe(self, fd: int) -> asyncio.BaseTransport | None:
        return self._transport.get_pipe_transport(fd) if self._transport is not None else None
