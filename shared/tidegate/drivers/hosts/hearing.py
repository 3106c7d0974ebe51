"""What a runner's lines mean for the errand that they are about, whatever brought them."""

import asyncio
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tidegate.drivers.hosts import Fact, Failed, Finished, LogPiece
from tidegate.drivers.hosts.errand import Errand, Progress
from tidegate.drivers.hosts.lines import (
    Beat,
    End,
    HostLine,
    Lost,
    Pong,
    ProtocolBroken,
    Refused,
    Unknown,
    quoted,
)
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace


class Place(Protocol):
    """The host that is spoken to; its text is what sentences call it."""

    def silence(self, *, exit_code: int, said: bytes, complaint: bytes) -> Failed:
        """Say why the runner ended, or was ended, before it began to talk."""
        ...


@dataclass(frozen=True, slots=True)
class Broken:
    """What may pass: the connection was not made, or did not last."""

    why: str
    by_runner: bool = False
    """The connection was fine, but the runner ended early."""
    failure: Failed | None = None
    """What to answer, where it does not pass."""


Ending: TypeAlias = Finished | Failed | Broken


class Conversation(Protocol):
    """One way's share of an errand."""

    async def hold(self) -> Ending:
        """Go on until there is an end, or what carries it breaks."""
        ...

    def nudge(self) -> None:
        """Look at the wishes now, not when the host speaks next."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who talks about what: the same for every connection of one errand."""

    place: Place
    errand: Errand
    progress: Progress
    mailbox: Mailbox
    pace: Pace

    @property
    def lost_at(self) -> float:
        """When the host counts as lost, if nothing more is heard of it."""
        return self.progress.heard_at + self.pace.lost_after


class Hearing:
    """Takes note of what a runner says of one errand."""

    def __init__(self, party: Party) -> None:
        self._place = party.place
        self._errand = party.errand
        self._progress = party.progress
        self._mailbox = party.mailbox
        self._now = asyncio.get_running_loop().time
        self.follows = False
        """Whether the host has begun to tell of the run."""

    def take(self, line: HostLine) -> Finished | Failed | None:
        """Take note of a line, and return the end that it is, if it is one.

        Raises:
            ProtocolBroken: It makes no sense.
        """
        match line:
            case Pong() if self._errand.run is None:
                return Finished()
            case Fact() | LogPiece() | Beat() | End() if self._errand.run is not None:
                return self._news(line)
            case Refused():
                return self.refused(line)
            case Unknown() if self._progress.has_begun or self._errand.attaches_only:
                return self._unknown()
            case Lost() if self._errand.run is not None:
                return self._lost(line)
            case _:
                raise ProtocolBroken(f"a {type(line).__name__.lower()!r} line makes no sense now")

    def _news(self, line: Fact | LogPiece | Beat | End) -> Finished | None:
        self.follows = True
        self._progress.hear(self._now())
        if isinstance(line, End):
            if not self._progress.may_be_over:
                raise ProtocolBroken("it ended a run without telling how it ended")
            return Finished()
        if isinstance(line, Fact | LogPiece):
            self._errand.check(line)
            self._progress.note(line)
            self._mailbox.post(line)
        return None

    def refused(self, refused: Refused) -> Failed:
        """Return what it means that the host refuses to run anything."""
        too_old = refused.code == "python_too_old"
        why = f"{self._place} refused the run: {quoted(refused.why, 500)}"
        return Failed("python_too_old" if too_old else "refused", why)

    def check_asking(self, appspecs: int, most: int) -> None:
        """Refuse to have AppSpecs read for nothing, or without end.

        Raises:
            ProtocolBroken: This one is too many.
        """
        if self._errand.run is None or self._errand.attaches_only:
            raise ProtocolBroken("it wants an AppSpec read for a run that it does not start")
        if appspecs > most or not self._progress.may_ask_again():
            raise ProtocolBroken("it wants more AppSpecs read than a run has revisions")

    def _unknown(self) -> Failed:
        if not self._progress.has_begun:
            return Failed("unknown_run", f"{self._place} never began the run.")
        return Failed(
            "unknown_run",
            f"{self._place} does not know the run that began there: its state folder was wiped, "
            "or the address leads to another machine now.",
        )

    def _lost(self, lost: Lost) -> Failed:
        during = f" during {quoted(lost.event)}" if lost.event else ""
        if lost.rebooted:
            return Failed("rebooted", f"{self._place} was restarted{during}; nothing is run again.")
        return Failed("lost", f"The run on {self._place} died{during}; nothing is run again.")
