"""All that one process wants over SSM of one account and region, carried out with few calls."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from tidegate.drivers.hosts import ssm_sentences as sentences
from tidegate.drivers.hosts.ssm_batches import Batch, SsmPace, due
from tidegate.drivers.hosts.ssm_wants import Answer, Desk, View, Want

log = logging.getLogger(__name__)


class Office:
    """Takes wants, has them carried out together, and gives out the answers. Lives on one loop."""

    def __init__(
        self,
        desk: Desk,
        pace: SsmPace,
        carry: "Callable[[Batch, Office], asyncio.Future[None] | asyncio.Task[None]]",
        *,
        wall: Callable[[], float],
    ) -> None:
        self.desk = desk
        self.pace = pace
        self.wall = wall
        self.commands = 0
        """How many commands are under way, of all workers."""
        self._carry = carry
        self._asked: dict[str, asyncio.Future[Answer]] = {}
        self._since: dict[str, float] = {}
        self._claimed: set[str] = set()
        """What this process carries out, and somebody waits for."""
        self._shown_at = float("-inf")
        self._signs: dict[str, tuple[float, float]] = {}
        """What others showed last of what they carry out for this process, and since when."""
        self._new: list[Want] = []
        self._news = asyncio.Event()
        self._serving: asyncio.Task[None] | None = None
        self._carrying: set[asyncio.Future[None]] = set()

    async def ask(self, want: Want) -> Answer:
        """Return what comes of a want."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[want.id] = future
        self._since[want.id] = self.wall()
        self._new.append(want)
        self._news.set()
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        try:
            return await future
        finally:
            del self._asked[want.id], self._since[want.id]
            if future.cancelled():
                self._new = [new for new in self._new if new.id != want.id]
                with suppress(RuntimeError):  # the loop is about to end, and its threads have
                    asyncio.get_running_loop().run_in_executor(None, self.desk.forget, [want.id])

    async def _serve(self) -> None:
        while self._asked or self._carrying:
            try:
                await self._round()
            except Exception:
                # The desk may be rows of a database that is away for a while.
                log.exception("ssm_desk_failed")
                self._signs.clear()  # nobody can have shown anything meanwhile
                await asyncio.sleep(self.pace.shortest_back_off)
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self.pace.tick):
                    await self._news.wait()

    async def _round(self) -> None:
        if new := list(self._new):
            await asyncio.to_thread(self.desk.put, new)
            put = {want.id for want in new}
            self._new = [want for want in self._new if want.id not in put]
        await self._show()
        now = self.wall()
        view = await asyncio.to_thread(self.desk.look, self._put, now=now)
        self.commands = len(view.ends)
        self._hand_out(view.answers)
        await self._give_up(view, now)
        for batch in due(view, self.pace, now=now):
            await self._begin(batch, now)

    @property
    def _put(self) -> list[str]:
        """What lies on the desk, and was not answered."""
        new = {want.id for want in self._new}
        return [id_ for id_, future in self._asked.items() if id_ not in new and not future.done()]

    async def _show(self) -> None:
        """Show life, and learn what nobody waits for any more."""
        now = self.wall()
        if self._claimed and now - self._shown_at >= self.pace.show:
            shown = frozenset(self._claimed)
            there = await asyncio.to_thread(self.desk.show, shown, now=now)
            self._claimed -= shown - there
            self._shown_at = now

    def is_wanted(self, id_: str) -> bool:
        """Tell whether somebody still waits for what this process carries out."""
        return id_ in self._claimed

    def _hand_out(self, answers: Mapping[str, Answer]) -> None:
        for id_, answer in answers.items():
            future = self._asked.get(id_)
            if future is not None and not future.done():
                future.set_result(answer)

    async def _give_up(self, view: View, now: float) -> None:
        """Wait no longer for what a worker took that has ended, nor for what has vanished.

        Only what changes counts, by the clock of this process: those of others may differ.
        """
        self._signs = {
            id_: (shown, now) if self._signs.get(id_, (None,))[0] != shown else self._signs[id_]
            for id_, shown in view.under_way.items()
            if id_ not in self._claimed
        }
        late = [id_ for id_, (_, at) in self._signs.items() if now - at > self.pace.silence]
        late += view.gone
        if late:
            await asyncio.to_thread(self.desk.forget, late)
        self._hand_out(
            {
                id_: Answer(trouble=sentences.ABANDONED, waited=now - self._since[id_])
                for id_ in late
                if id_ in self._since
            }
        )

    async def _begin(self, batch: Batch, now: float) -> None:
        ids = [want.id for want in batch.wants]
        claimed = await asyncio.to_thread(self.desk.claim, ids, ends_at=batch.ends_at, now=now)
        self._claimed |= claimed
        wants = [want for want in batch.wants if want.id in claimed]
        if wants:
            task = self._carry(Batch(wants, batch.ends_at), self)
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def answer(self, answers: Mapping[str, Answer]) -> None:
        """Say what came of wants, whoever asked for them."""
        while answers:
            try:
                await asyncio.to_thread(self.desk.answer, answers)
            except Exception:
                log.exception("ssm_desk_failed")
                await asyncio.sleep(self.pace.shortest_back_off)
            else:
                self._claimed -= answers.keys()
                self._news.set()
                return

    async def release(self, ids: Collection[str]) -> None:
        """Let wants be carried out by another command, of whichever worker."""
        self._claimed -= set(ids)
        if ids:
            with suppress(Exception):
                await asyncio.to_thread(self.desk.release, ids)
            self._news.set()
