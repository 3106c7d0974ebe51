"""The host driver `ssh`: one session per run, all of a process on one event loop."""

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from concurrent.futures import CancelledError, Future
from functools import partial
from pathlib import Path
from typing import Final

import asyncssh
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
from tidegate.drivers.hosts.errand import Errand, Progress, Runner
from tidegate.drivers.hosts.event_loop import LoopClosed, LoopThread
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.ssh_follow import Following, Shared
from tidegate.drivers.hosts.ssh_route import Unroutable, route_to
from tidegate.drivers.hosts.talk import Party

_TICK: Final = 1.0
_HELPERS: Final = 32
"""Threads that look up names and read bundles."""


class SshHosts(HostDriver):
    """Hosts that are reached over SSH and have a python3."""

    def __init__(
        self,
        *,
        connect_timeout: float = 10.0,
        login_timeout: float = 10.0,
        keepalive_interval: float = 5.0,
        keepalive_count_max: int = 3,
        silence: float = 15.0,
        lost_after: float = 45.0,
        max_connects: int = 100,
        known_hosts: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        runner: Runner | None = None,
    ) -> None:
        self._pace = Pace(
            connect_timeout=connect_timeout,
            login_timeout=login_timeout,
            keepalive_interval=keepalive_interval,
            keepalive_count_max=keepalive_count_max,
            silence=silence,
            lost_after=lost_after,
        )
        self._shared = Shared(asyncio.Semaphore(max_connects), secrets.SystemRandom().uniform)
        self._known_hosts = known_hosts or Path("~/.ssh/known_hosts")
        self._environment = environment
        self._runner = runner or Runner.ours()
        self._thread = LoopThread("tidegate-ssh", helpers=_HELPERS)
        # It tells of every connection made and lost; what matters of that is in the outcomes.
        asyncssh.set_log_level(logging.WARNING)

    @override
    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        wish = report(())
        if wish is Wish.LET_GO:
            return LetGo()
        try:
            following, mailbox = self._following(address, run, seen)
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
            following, _ = self._following(address, None, Seen())
            return self._thread.submit(following.once()).result()
        except Unroutable as unroutable:
            return unroutable.failure
        except (LoopClosed, CancelledError):
            return LetGo()

    @override
    def close(self) -> None:
        self._thread.close()

    def _following(
        self, address: HostAddress, run: HostRun | None, seen: Seen
    ) -> tuple[Following, Mailbox]:
        route = route_to(address, environment=self._environment, known_hosts=self._known_hosts)
        loop = self._thread.loop()
        mailbox = Mailbox(loop)
        party = Party(
            place=route.place,
            errand=Errand(self._runner, run, route.state_dir),
            progress=Progress.since(seen),
            mailbox=mailbox,
            pace=self._pace,
        )
        return Following(party, route.hops, shared=self._shared, now=loop.time), mailbox
