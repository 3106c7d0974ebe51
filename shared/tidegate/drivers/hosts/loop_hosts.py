"""What drivers have in common whose runs are followed by coroutines on one event loop."""

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Final

from typing_extensions import override

from tidegate.drivers.hosts import (
    Failed,
    Finished,
    HostAddress,
    HostDriver,
    HostRun,
    LetGo,
    Outcome,
    ReportTo,
    Seen,
    Wish,
)
from tidegate.drivers.hosts.event_loop import LoopClosed, LoopThread
from tidegate.drivers.hosts.follow import Following
from tidegate.drivers.hosts.mailbox import Mailbox

_TICK: Final = 1.0


class Unroutable(Exception):
    """A host's settings lead nowhere."""

    def __init__(self, message: str) -> None:
        self.failure = Failed("misconfigured", message)
        super().__init__(message)


class LoopHosts(HostDriver, ABC):
    """Follows all runs of a process on one event loop, and answers in the threads that ask."""

    def __init__(self, name: str, *, helpers: int) -> None:
        self._thread = LoopThread(name, helpers=helpers)

    @abstractmethod
    def following(
        self,
        address: HostAddress,
        run: HostRun | None,
        *,
        seen: Seen,
        loop: asyncio.AbstractEventLoop,
    ) -> tuple[Following, Mailbox]:
        """Return what follows *run* on *loop*, or probes when there is none.

        Raises:
            Unroutable: The address leads nowhere.
        """

    @override
    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        wish = report(())
        if wish is Wish.LET_GO:
            return LetGo()
        try:
            following, mailbox = self.following(address, run, seen=seen, loop=self._thread.loop())
            # Known before the run may begin: one that is cancelled begins no event.
            following.wish(wish)
            future = self._thread.submit(following.to_the_end())
        except Unroutable as unroutable:
            return unroutable.failure
        except LoopClosed:
            return LetGo()
        future.add_done_callback(lambda _: mailbox.close())
        try:
            return self._attend(following, mailbox, future, report, last_wish=wish)
        finally:
            future.cancel()

    def _attend(
        self,
        following: Following,
        mailbox: Mailbox,
        future: Future[Finished | Failed],
        report: ReportTo,
        *,
        last_wish: Wish,
    ) -> Outcome:
        """Pass on in this thread what arrives, until nothing more will."""
        is_open = True
        while is_open:
            reports, is_open = mailbox.take(_TICK)
            wish = report(reports) if reports or is_open else last_wish
            if wish is Wish.LET_GO and is_open:
                return LetGo()
            if wish is not last_wish:
                self._thread.call_soon(partial(following.wish, wish))
                last_wish = wish
        return LetGo() if future.cancelled() else future.result()

    @override
    def probe(self, address: HostAddress) -> Outcome:
        try:
            following, _ = self.following(address, None, seen=Seen(), loop=self._thread.loop())
            return self._thread.submit(following.once()).result()
        except Unroutable as unroutable:
            return unroutable.failure
        except (LoopClosed, CancelledError):
            return LetGo()

    @override
    def close(self) -> None:
        self._thread.close()
