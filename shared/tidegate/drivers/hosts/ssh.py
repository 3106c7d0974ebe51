"""The host driver `ssh`: one session per run, all of a process on one event loop."""

import asyncio
import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts import HostAddress, HostRun, Seen
from tidegate.drivers.hosts.errand import Errand, Progress, Runner
from tidegate.drivers.hosts.follow import Following
from tidegate.drivers.hosts.hearing import Party
from tidegate.drivers.hosts.loop_hosts import LoopHosts
from tidegate.drivers.hosts.mailbox import Mailbox
from tidegate.drivers.hosts.pace import Pace
from tidegate.drivers.hosts.ssh_route import route_to
from tidegate.drivers.hosts.ssh_way import SshWay

_HELPERS: Final = 32
"""Threads that look up names and read bundles."""


class SshHosts(LoopHosts):
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
        super().__init__("tidegate-ssh", helpers=_HELPERS)
        self._pace = Pace(
            connect_timeout=connect_timeout,
            login_timeout=login_timeout,
            keepalive_interval=keepalive_interval,
            keepalive_count_max=keepalive_count_max,
            silence=silence,
            lost_after=lost_after,
        )
        self._slots = asyncio.Semaphore(max_connects)
        self._chance = secrets.SystemRandom().uniform
        self._known_hosts = known_hosts or Path("~/.ssh/known_hosts")
        self._environment = environment
        self._runner = runner or Runner.ours()
        # It tells of every connection made and lost; what matters of that is in the outcomes.
        asyncssh.set_log_level(logging.WARNING)

    @override
    def following(
        self,
        address: HostAddress,
        run: HostRun | None,
        *,
        seen: Seen,
        loop: asyncio.AbstractEventLoop,
    ) -> tuple[Following, Mailbox]:
        route = route_to(address, environment=self._environment, known_hosts=self._known_hosts)
        runner = self._runner.by_sudo() if route.place.by_sudo else self._runner
        mailbox = Mailbox(loop)
        party = Party(
            place=route.place,
            errand=Errand(runner, run, route.state_dir),
            progress=Progress.since(seen),
            mailbox=mailbox,
            pace=self._pace,
        )
        way = SshWay(party, route.hops, slots=self._slots, now=loop.time)
        return Following(party, way, chance=self._chance, now=loop.time), mailbox
