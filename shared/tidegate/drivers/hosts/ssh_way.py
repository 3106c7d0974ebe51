"""The way to a host over SSH, as often as it is gone."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Final

import asyncssh
from typing_extensions import override

from tidegate.drivers.hosts import Failed, HostKeyLearned
from tidegate.drivers.hosts.follow import Unreached, Way
from tidegate.drivers.hosts.hearing import Broken, Party
from tidegate.drivers.hosts.ssh_connect import Connected, Hop, connected
from tidegate.drivers.hosts.ssh_ears import SshEars
from tidegate.drivers.hosts.ssh_errors import reason_of, text_of
from tidegate.drivers.hosts.ssh_settings import TrustedKey
from tidegate.drivers.hosts.talk import Talk

_LONGEST_WAIT_FORGIVEN: Final = 15.0
_MAY_PASS: Final = {"permission_denied", "name_unresolved"}


class SshWay(Way):
    """The connections of one errand."""

    def __init__(
        self,
        party: Party,
        hops: Sequence[Hop],
        *,
        slots: asyncio.Semaphore,
        now: Callable[[], float],
    ) -> None:
        """Connect while there is one of the *slots* that all errands of a process share."""
        self._party = party
        self._progress = party.progress
        self._pace = party.pace
        self._hops = list(hops)
        self._slots = slots
        self._now = now
        self._was_logged_in = False
        self._forgiven = 0.0

    @override
    async def open(self, stack: AsyncExitStack) -> Talk:
        try:
            here = await self._connected(stack)
        except Unreached as unreached:
            raise Unreached(self._weighed(unreached.reason)) from None
        self._was_logged_in = True
        self._learn(here)
        ears = SshEars()
        try:
            async with asyncio.timeout(self._pace.login_timeout):
                await here.connection.create_session(
                    lambda: ears, self._party.errand.runner.command, encoding=None
                )
        except (OSError, asyncssh.Error) as error:
            raise Unreached(self._weighed(reason_of(error, self._hops[-1].place))) from None
        return Talk(ears, self._party)

    def _weighed(self, reason: Failed | Broken) -> Failed | Broken:
        """Give a host that let us in before the time to restart, when it now does not."""
        if isinstance(reason, Failed) and self._was_logged_in and reason.code in _MAY_PASS:
            return Broken("it does not let us in any more", failure=reason)
        return reason

    async def _connected(self, stack: AsyncExitStack) -> Connected:
        asked_at = self._now()
        async with self._slots:
            self._forgive(self._now() - asked_at)
            async with asyncio.timeout_at(self._party.lost_at):
                return await stack.enter_async_context(connected(self._hops, self._pace))

    def _forgive(self, waited: float) -> None:
        """Do not blame the host for what it waited in our own queue, within bounds."""
        if self._progress.heard_at == 0.0:
            self._progress.heard_at = self._now()
            return
        forgiven = min(waited, _LONGEST_WAIT_FORGIVEN - self._forgiven)
        self._forgiven += forgiven
        self._progress.heard_at += forgiven

    def _learn(self, here: Connected) -> None:
        hop = self._hops[-1]
        if hop.trusted is not None or here.presented is None:
            return
        self._hops[-1] = replace(hop, trusted=TrustedKey(here.presented), accept_any=False)
        self._party.mailbox.post(HostKeyLearned(text_of(here.presented)))
