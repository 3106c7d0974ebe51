"""Following one errand over as many connections as it takes, until it ends or the host is lost."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Final

import asyncssh

from tidegate.drivers.hosts import Failed, Finished, HostKeyLearned, Wish
from tidegate.drivers.hosts.ssh_connect import Connected, Hop, connected
from tidegate.drivers.hosts.ssh_ears import SshEars
from tidegate.drivers.hosts.ssh_errors import Unreached, reason_of, text_of
from tidegate.drivers.hosts.ssh_settings import TrustedKey
from tidegate.drivers.hosts.talk import Broken, Ending, Party, Talk

_LONGEST_PAUSE: Final = 5.0
_LONGEST_WAIT_FORGIVEN: Final = 15.0
_MOST_FRUITLESS: Final = 5
_MOST_UPLOADS: Final = 5
_MAY_PASS: Final = {"permission_denied", "name_unresolved"}


@dataclass(frozen=True, slots=True)
class Shared:
    """What all errands of one process share."""

    slots: asyncio.Semaphore
    """Bounds how many connect at once."""
    chance: Callable[[float, float], float]
    """Draws a number between two, so that those who were cut off do not come back in step."""


class Following:
    """One errand, over all its connections."""

    def __init__(
        self, party: Party, hops: Sequence[Hop], *, shared: Shared, now: Callable[[], float]
    ) -> None:
        self._party = party
        self._progress = party.progress
        self._pace = party.pace
        self._hops = list(hops)
        self._shared = shared
        self._talk: Talk | None = None
        self._was_logged_in = False
        self._forgiven = 0.0
        self._last = Broken("the connection timed out")
        self._now = now

    def wish(self, wish: Wish) -> None:
        """Pass on what the caller wants of the run."""
        if self._progress.wish(wish) and self._talk is not None:
            self._talk.nudge()

    async def once(self) -> Finished | Failed:
        """Try once."""
        ending = await self._attempt()
        return self._unreachable(ending.why) if isinstance(ending, Broken) else ending

    async def to_the_end(self) -> Finished | Failed:
        """Try, and connect again, until there is an end or the host counts as lost."""
        failures = fruitless = 0
        while True:
            begun_at, journal = self._now(), self._progress.journal
            ending = await self._attempt()
            if not isinstance(ending, Broken):
                return ending
            moved = self._progress.journal > journal
            fruitless = fruitless + 1 if ending.by_runner and not moved else 0
            failures = 0 if moved or self._now() - begun_at > _LONGEST_PAUSE else failures + 1
            self._last = ending
            verdict = self._given_up(ending, fruitless)
            if verdict is not None:
                return verdict
            await self._pause(failures)

    def _given_up(self, ending: Broken, fruitless: int) -> Failed | None:
        if fruitless >= _MOST_FRUITLESS:
            return Failed("protocol", f"{self._party.place} could not be followed: {ending.why}.")
        if self._progress.uploads >= _MOST_UPLOADS and not self._progress.has_begun:
            return Failed(
                "unreachable",
                f"The connection to {self._party.place} broke {_MOST_UPLOADS} times while the "
                f"bundle was sent: {ending.why}.",
                retryable=True,
            )
        if self._now() < self._lost_at:
            return None
        if ending.failure is not None:
            return ending.failure
        return self._lost(ending.why) if self._progress.has_begun else self._unreachable(ending.why)

    @property
    def _lost_at(self) -> float:
        return self._progress.heard_at + self._pace.lost_after

    def _lost(self, why: str) -> Failed:
        return Failed(
            "lost",
            f"{self._party.place} has not been heard from for {self._pace.lost_after:g} s: {why}. "
            "The run had begun, and goes on there if the host lives.",
            retryable=True,
        )

    def _unreachable(self, why: str) -> Failed:
        return Failed(
            "unreachable", f"{self._party.place} cannot be reached: {why}.", retryable=True
        )

    async def _pause(self, failures: int) -> None:
        longest = min(_LONGEST_PAUSE, 0.25 * 2.0 ** min(failures, 8))
        pause = self._shared.chance(longest / 4, longest)
        await asyncio.sleep(max(0.0, min(pause, self._lost_at - self._now())))

    async def _attempt(self) -> Ending:
        async with AsyncExitStack() as stack:
            try:
                ears = await self._ears(stack)
            except Unreached as unreached:
                return self._weighed(unreached.reason)
            self._talk = Talk(ears, self._party)
            try:
                return await self._talk.hold()
            finally:
                self._talk = None

    def _weighed(self, reason: Failed | Broken) -> Failed | Broken:
        """Give a host that let us in before the time to restart, when it now does not."""
        if isinstance(reason, Failed) and self._was_logged_in and reason.code in _MAY_PASS:
            return Broken("it does not let us in any more", failure=reason)
        return reason

    async def _ears(self, stack: AsyncExitStack) -> SshEars:
        here = await self._connected(stack)
        self._was_logged_in = True
        self._learn(here)
        ears = SshEars()
        try:
            async with asyncio.timeout(self._pace.login_timeout):
                await here.connection.create_session(
                    lambda: ears, self._party.errand.runner.command, encoding=None
                )
        except (OSError, asyncssh.Error) as error:
            raise Unreached(reason_of(error, self._hops[-1].place)) from None
        return ears

    async def _connected(self, stack: AsyncExitStack) -> Connected:
        asked_at = self._now()
        async with self._shared.slots:
            self._forgive(self._now() - asked_at)
            try:
                async with asyncio.timeout_at(self._lost_at):
                    way = connected(self._hops, self._pace)
                    return await stack.enter_async_context(way)
            except TimeoutError:
                raise Unreached(self._last) from None

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
