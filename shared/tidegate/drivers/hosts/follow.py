"""Following one errand over as many connections as it takes, until it ends or the host is lost."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final, Protocol

from tidegate.drivers.hosts import Failed, Finished, Wish
from tidegate.drivers.hosts.hearing import Broken, Conversation, Ending, Party

_LONGEST_PAUSE: Final = 5.0
_MOST_FRUITLESS: Final = 5
_MOST_UPLOADS: Final = 5


class Unreached(Exception):
    """A connection was not made."""

    def __init__(self, reason: Failed | Broken) -> None:
        self.reason = reason
        super().__init__()


class Way(Protocol):
    """How the conversations about one errand are begun, one after the other."""

    async def open(self, stack: AsyncExitStack) -> Conversation:
        """Begin to talk with the runner, until *stack* is closed.

        Raises:
            Unreached: It could not be opened.
            TimeoutError: The host counts as lost meanwhile.
        """
        ...


class Following:
    """One errand, over all its connections."""

    def __init__(
        self,
        party: Party,
        way: Way,
        *,
        chance: Callable[[float, float], float],
        now: Callable[[], float],
    ) -> None:
        """Draw pauses by *chance*, so that those who were cut off do not come back in step."""
        self._party = party
        self._progress = party.progress
        self._pace = party.pace
        self._way = way
        self._chance = chance
        self._now = now
        self._talk: Conversation | None = None
        self._last = Broken("the connection timed out")

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
            unfollowed = f"{self._party.place} could not be followed: {ending.why}."
            return ending.failure or Failed("protocol", unfollowed)
        if self._progress.uploads >= _MOST_UPLOADS and not self._progress.has_begun:
            return Failed(
                "unreachable",
                f"The connection to {self._party.place} broke {_MOST_UPLOADS} times while the "
                f"bundle was sent: {ending.why}.",
                retryable=True,
            )
        if self._now() < self._party.lost_at:
            return None
        if ending.failure is not None:
            return ending.failure
        return self._lost(ending.why) if self._progress.has_begun else self._unreachable(ending.why)

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
        pause = self._chance(longest / 4, longest)
        await asyncio.sleep(max(0.0, min(pause, self._party.lost_at - self._now())))

    async def _attempt(self) -> Ending:
        async with AsyncExitStack() as stack:
            try:
                self._talk = await self._way.open(stack)
            except Unreached as unreached:
                return unreached.reason
            except TimeoutError:
                return self._last
            try:
                return await self._talk.hold()
            finally:
                self._talk = None
