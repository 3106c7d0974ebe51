"""Who wants something over SSM hears of it, whatever becomes of the worker that took it."""

import asyncio
import queue
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from typing_extensions import override

from tidegate.drivers.hosts.ssm_batches import Batch, SsmPace
from tidegate.drivers.hosts.ssm_office import Office
from tidegate.drivers.hosts.ssm_sentences import ABANDONED
from tidegate.drivers.hosts.ssm_wants import Answer, Common, View, Want
from tidegate.engine.ssm_desk import RowDesk
from tidegate.store.unit_of_work import Store

NOW = 1_800_000_000.0
PACE = SsmPace(tick=0.01)
WANT = Want(
    id="1" * 32,
    instance="i-0123456789abcdef0",
    common=Common(bundles="presigned"),
    header={"op": "run"},
    state_dir=None,
    asked_at=NOW,
)


class Looked(RowDesk):
    """A desk that tells when it is looked at."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, "", "us-east-1")
        self._looks: queue.Queue[float] = queue.Queue()

    @override
    def look(self, mine: Iterable[str], *, now: float) -> View:
        self._looks.put(now)
        return super().look(mine, now=now)

    async def looked_at(self) -> None:
        """Wait until what it shows now was seen and dealt with."""
        while not self._looks.empty():
            self._looks.get()
        for _ in range(2):
            await asyncio.to_thread(self._looks.get, timeout=10)


class Hours:
    """A clock on the wall that is set by hand."""

    now = NOW

    def __call__(self) -> float:
        return self.now


async def nothing_more(_: Batch, __: Office) -> None:
    """Carry out nothing, for ever."""
    await asyncio.Event().wait()


def office(desk: RowDesk, wall: Hours) -> Office:
    return Office(
        desk,
        PACE,
        lambda batch, office: asyncio.create_task(nothing_more(batch, office)),
        wall=wall,
    )


def asked(
    system,
    during: Callable[[Looked, RowDesk, Hours], Awaitable[None]],
    *,
    in_the_end: bool = True,
) -> tuple[Answer | None, Looked]:
    """Ask for something while another worker is at the desk, and return what came of it."""

    async def main() -> tuple[Answer | None, Looked]:
        desk, wall = Looked(system.store), Hours()
        task = asyncio.create_task(office(desk, wall).ask(WANT))
        try:
            await desk.looked_at()
            await during(desk, RowDesk(system.store, "", "us-east-1"), wall)
            await asyncio.wait({task}, timeout=10 if in_the_end else 0)
            return (task.result() if task.done() else None), desk
        finally:
            for one in asyncio.all_tasks() - {asyncio.current_task()}:
                one.cancel()

    return asyncio.run(main())


def test_what_a_worker_took_that_shows_no_life_is_given_up_and_forgotten(system):
    async def takes_it_and_dies(desk: Looked, other: RowDesk, wall: Hours) -> None:
        other.claim([WANT.id], ends_at=NOW + 20, now=NOW)
        await desk.looked_at()
        wall.now += PACE.silence + 1

    answer, desk = asked(system, takes_it_and_dies)

    assert answer == Answer(trouble=ABANDONED, waited=PACE.silence + 1)
    assert desk.look([WANT.id], now=NOW).gone == {WANT.id}


def test_what_waits_for_its_turn_for_long_is_waited_for_while_its_worker_lives(system):
    async def takes_it_and_waits(desk: Looked, other: RowDesk, wall: Hours) -> None:
        other.claim([WANT.id], ends_at=NOW + 20, now=NOW)
        for _ in range(20):
            wall.now += PACE.silence - 1
            # Its own clock may be slow; that it moves is enough.
            other.show([WANT.id], now=wall.now - 100)
            await desk.looked_at()

    answer, _ = asked(system, takes_it_and_waits, in_the_end=False)

    assert answer is None


def test_what_has_vanished_is_not_waited_for(system):
    async def loses_it(_: Looked, other: RowDesk, __: Hours) -> None:
        other.forget([WANT.id])

    answer, _ = asked(system, loses_it)

    assert answer == Answer(trouble=ABANDONED, waited=0.0)


def test_what_is_carried_out_here_shows_life_until_nobody_wants_it(system):
    async def main() -> tuple[float, bool]:
        desk, wall = Looked(system.store), Hours()
        ours = office(desk, wall)
        desk.put([WANT])
        other = asyncio.create_task(ours.ask(replace(WANT, id="2" * 32)))
        wall.now += PACE.hold
        while not ours.is_wanted(WANT.id):
            await desk.looked_at()
        wall.now += PACE.show
        await desk.looked_at()
        shown = desk.look([WANT.id], now=NOW).under_way[WANT.id]
        desk.forget([WANT.id])
        wall.now += PACE.show
        await desk.looked_at()
        found = shown, ours.is_wanted(WANT.id)
        other.cancel()
        for one in asyncio.all_tasks() - {asyncio.current_task()}:
            one.cancel()
        return found

    assert asyncio.run(main()) == (NOW + PACE.hold + PACE.show, False)
