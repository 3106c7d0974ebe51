"""Calls of Systems Manager at the rate that all workers together may make them."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from tidegate.drivers.hosts import ssm_calls
from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.drivers.hosts.ssm_calls import Page, SsmCalls
from tidegate.drivers.hosts.ssm_wants import Kind, Turns

T = TypeVar("T")
log = logging.getLogger(__name__)

_MOST_PAGES: Final = 50
"""However few there are on each: nobody asks for more than fifty of anything."""


@dataclass(slots=True, kw_only=True)
class Counter:
    """Where calls are made: one at a time by turns, slower for a while when AWS says so."""

    calls: SsmCalls
    turns: Turns
    pace: SsmPace
    account: str
    region: str
    wall: Callable[[], float]
    chance: Callable[[float, float], float]
    _throttled: dict[Kind, int] = field(default_factory=dict)

    async def call(self, kind: Kind, make: Callable[[], T]) -> T:
        """Make a call when it is its turn, as often as AWS says that it is too early.

        Raises:
            Unanswered, Refused, NotValid: As the call itself.
        """
        while True:
            await self._come(kind)
            try:
                answer = await asyncio.to_thread(make)
            except ssm_calls.Throttled:
                self._throttled[kind] = self._throttled.get(kind, 0) + 1
                await asyncio.sleep(self._back_off(kind))
            else:
                self._throttled[kind] = 0
                return answer

    async def pages(self, read: Callable[[str], Page[T]]) -> list[T]:
        """Read all pages of something by their tokens; each is a call, and has its own turn.

        Raises:
            Unanswered, Refused, NotValid: As the calls themselves.
        """
        found, page = await self.call("read", partial(read, ""))
        for _ in range(_MOST_PAGES):
            if not page:
                break
            more, page = await self.call("read", partial(read, page))
            found += more
        return found

    async def _come(self, kind: Kind) -> None:
        """Wait for the turn, also while the rows that tell it are away."""
        while True:
            try:
                wait = await self._turn(kind)
            except Exception:
                log.exception("ssm_turns_failed")
                await asyncio.sleep(self.pace.shortest_back_off)
            else:
                await asyncio.sleep(wait)
                return

    async def _turn(self, kind: Kind) -> float:
        is_send = kind == "send"
        rate = self.pace.sends_per_second if is_send else self.pace.reads_per_second
        take = self.turns.take
        return await asyncio.to_thread(
            take, self.account, self.region, kind, per_second=rate, now=self.wall()
        )

    def _back_off(self, kind: Kind) -> float:
        pace = self.pace
        longest = pace.shortest_back_off * 2.0 ** min(self._throttled[kind], 10)
        return self.chance(pace.shortest_back_off, min(longest, pace.longest_back_off))
