"""What decisions about thousands of hosts take by themselves: one process, PostgreSQL, no worker.

What workers would do to the rows is done by statements of the bench between two advances.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Final

from scale_control import ADVANCE, TimedStore
from scale_run import add_hosts
from sqlalchemy import Engine, text

from parts.postgres import PostgresServer
from tidegate.clock import SystemClock
from tidegate.domain.ids import RandomIds
from tidegate.domain.tag_filters import TagFilter, TagFilterType
from tidegate.engine.advance import advance_deployment
from tidegate.engine.deployments import stop_deployment
from tidegate.store.database import connect
from tidegate.store.migrate import upgrade
from tidegate.store.unit_of_work import Store
from tidegate.testing.builders import Shop
from tidegate.testing.fake_broker import FakeBroker

WARM: Final = 20
AT_ONCE, ONE_BY_ONE = (f"CodeDeployDefault.{name}" for name in ("AllAtOnce", "OneAtATime"))
LOOKS: Final = 30
"""How often it is looked at where nothing is to be done."""
TAKE_ALL = "UPDATE targets SET status = 'InProgress' WHERE dispatched AND status = 'Pending'"
END_TAKEN = "UPDATE targets SET status = '{}' WHERE status = 'InProgress'"
Taken = dict[str, list[float]]


class Decisions:
    """A deployment's decisions one after the other, each transaction of them timed."""

    def __init__(self, engine: Engine, config: str, count: int) -> None:
        """Have a deployment to *count* hosts to decide about, after one to few of them."""
        self._engine = engine
        self._store = Store(engine, sender=FakeBroker(), clock=SystemClock(), ids=RandomIds())
        wanted = ((TagFilter(TagFilterType.KEY_ONLY, "fleet", ""),),)
        self._shop = Shop.with_hosts(self._store, (), config=config, tag_set=wanted)
        self.taken: Taken = {}
        """Milliseconds of each transaction, by what was done."""
        self._warm_up()
        add_hosts(engine, "alone", count)
        self.id_ = self._shop.deploy("two")

    def _warm_up(self) -> None:
        """What statements cost when they are built for the first time is not counted."""
        add_hosts(self._engine, "warm", WARM)
        self.id_ = self._shop.deploy("one")
        self.begin()
        self.stop()
        self.do("DELETE FROM hosts")
        self.taken.clear()

    def advance(self, what: str) -> None:
        taken = self.taken.setdefault(what, [])
        advance_deployment(self.id_, store=TimedStore(self._store, _Into(taken)))  # type: ignore[arg-type]

    def begin(self) -> None:
        """Have the targets written, and tell the last transaction, which begins it, apart."""
        self.advance("write")
        self.taken["begin"] = [self.taken["write"].pop()]

    def stop(self) -> None:
        with TimedStore(self._store, _Into(self.taken.setdefault("stop", []))).write() as uow:
            stop_deployment(self.id_, uow=uow, actor="bench")
        while self.waiting():
            self.advance("stop")

    def waiting(self) -> int:
        return self.do("SELECT count(*) FROM targets WHERE status = 'Pending'")

    def do(self, statement: str) -> int:
        with self._engine.begin() as connection:
            done = connection.execute(text(statement))
            return int(done.scalar_one()) if done.returns_rows else done.rowcount


class _Into:
    """Notes into a list what a transaction took, in milliseconds."""

    def __init__(self, taken: list[float]) -> None:
        self._taken = taken

    def add(self, what: str, begun: float) -> None:
        if what == ADVANCE:
            self._taken.append(1000 * (time.perf_counter() - begun))


def measured(count: int) -> Mapping[str, Sequence[float]]:
    """Return the milliseconds of each transaction with *count* targets, by what was done."""
    with ExitStack() as opened:
        postgres = opened.enter_context(PostgresServer(durable=True))

        def decisions(config: str) -> Decisions:
            url = postgres.url(postgres.create())
            upgrade(url)
            engine = connect(url)
            opened.callback(engine.dispose)
            return Decisions(engine, config, count)

        succeeded, stopped, failed = (
            decisions(AT_ONCE),
            decisions(ONE_BY_ONE),
            decisions(ONE_BY_ONE),
        )
        _succeed(succeeded)
        stopped.begin()
        stopped.stop()
        failed.begin()
        failed.do(TAKE_ALL)
        failed.do(END_TAKEN.format("Failed"))
        while failed.waiting():
            failed.advance("fail")
    return {**succeeded.taken, "stop": stopped.taken["stop"], "fail": failed.taken["fail"]}


def _succeed(run: Decisions) -> None:
    run.begin()
    while run.waiting():
        run.do(TAKE_ALL)
        run.advance("send")
    for _ in range(LOOKS):
        run.advance("look")
    run.do(END_TAKEN.format("Succeeded"))
    run.advance("succeed")
