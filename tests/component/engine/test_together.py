"""Threads that write together: in few transactions, and each as if it were alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from component.engine.system import System, until
from tidegate.domain.errors import Stale
from tidegate.domain.ids import HostId
from tidegate.store.together import MOST_PARTS, InTurns
from tidegate.store.unit_of_work import Store, UnitOfWork

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
NAMES = [f"web-{number:03}" for number in range(20)]


class CountingStore(Store):
    commits = 0

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[UnitOfWork]:
        with super().write(lasting=lasting) as uow:
            yield uow
        self.commits += 1


class Crowd:
    """Threads that line up behind one that is in the middle of its work."""

    def __init__(self, system: System) -> None:
        self.store = CountingStore(
            system.engine, sender=system.broker, clock=system.clock, ids=system.store._ids
        )
        self.together = InTurns(self.store)
        self.outcomes: dict[str, Any] = {}
        self.order: list[str] = []
        self._system = system
        self._gate = threading.Event()
        self._threads = [self._start("first", self._hold)]
        until(lambda: self.order == ["first"])

    def _hold(self, uow: UnitOfWork) -> str:
        self._gate.wait(30)
        return self.note("first", uow)

    def line_up(self, *names: str, work=None) -> None:
        for name in names:
            self._threads.append(self._start(name, work or (lambda uow, n=name: self.note(n, uow))))
        until(lambda: len(self.together._line) == len(self._threads) - 1)

    def note(self, name: str, uow: UnitOfWork) -> str:
        self.order.append(name)
        uow.heartbeats.beat(name, "host worker", uow.now())
        return name.upper()

    def _start(self, name: str, work) -> threading.Thread:
        def run() -> None:
            try:
                self.outcomes[name] = self.together(work, key=(name,))
            except BaseException as error:  # noqa: BLE001 - the outcome is looked at
                self.outcomes[name] = error

        if name == "first":
            self.order.append("first")
        return self._system.in_thread(run)

    def go(self) -> None:
        self._gate.set()
        for thread in self._threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in self._threads)

    def written(self) -> set[str]:
        with self.store.read() as uow:
            return set(uow.heartbeats.alive("host worker", since=LONG_AGO))


@pytest.fixture
def crowd(system: System) -> Crowd:
    return Crowd(system)


def test_whoever_waits_is_written_in_one_transaction_in_the_order_of_keys(crowd):
    crowd.line_up(*reversed(NAMES))

    crowd.go()

    assert crowd.store.commits == 2
    assert crowd.order == ["first", "first", *NAMES]
    assert crowd.outcomes == {name: name.upper() for name in ["first", *NAMES]}
    assert {"first", *NAMES} <= crowd.written()


def test_no_transaction_has_more_parts_than_it_may(crowd):
    crowd.line_up(*[f"web-{number:03}" for number in range(MOST_PARTS + 1)])

    crowd.go()

    assert crowd.store.commits == 3


def test_an_error_comes_to_whom_it_belongs_and_undoes_nobody_elses_work(crowd):
    def fail(uow: UnitOfWork) -> str:
        crowd.note("bad", uow)
        raise Stale("bad")

    crowd.line_up(*NAMES[:3])
    crowd.line_up("bad", work=fail)

    crowd.go()

    assert isinstance(crowd.outcomes["bad"], Stale)
    assert {name: crowd.outcomes[name] for name in NAMES[:3]} == {n: n.upper() for n in NAMES[:3]}
    assert {"first", *NAMES[:3]} <= crowd.written()
    assert "bad" not in crowd.written()


def test_one_whose_thread_is_ended_leaves_nobody_waiting(crowd):
    def leave(_: UnitOfWork) -> None:
        raise SystemExit(1)

    crowd.line_up("a", work=leave)
    crowd.line_up("b", "c")

    crowd.go()

    assert isinstance(crowd.outcomes["a"], SystemExit)
    assert {"b", "c"} <= crowd.written()


def test_what_is_committed_is_not_done_again_when_its_messages_cannot_be_sent(crowd, system):
    def refuse(_messages):
        raise RuntimeError("no broker")

    crowd.line_up(*NAMES[:2])
    crowd.line_up("sender", work=lambda uow: uow.send("task", host=HostId("h")))
    system.broker.send_all = refuse

    crowd.go()

    assert crowd.order == ["first", "first", *NAMES[:2]]
    assert crowd.outcomes[NAMES[0]] == NAMES[0].upper()
    with system.store.read() as uow:
        assert uow.outbox.oldest() is not None
