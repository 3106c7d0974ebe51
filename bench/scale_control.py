"""A worker that notes how long decisions take: `scale_control.py FILE worker --queue control`."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tidegate.domain.deployment import Deployment
from tidegate.domain.ids import DeploymentId
from tidegate.engine import advance as engine
from tidegate.store.unit_of_work import Store, UnitOfWork
from tidegate_workers import tasks
from tidegate_workers.__main__ import main

ADVANCE, WHOLE, READ, PLAN = "advance", "whole", "read", "plan"
"""A transaction from when it has the deployment's row, the same with waiting for the row, one that
only reads and locks nothing, and the planner by itself."""


class Notes:
    """What took how many seconds, a line each."""

    def __init__(self, file: Path) -> None:
        self._lines = file.open("a", buffering=1)

    def add(self, what: str, begun: float) -> None:
        self._lines.write(f"{what} {time.perf_counter() - begun:.6f}\n")


class Noted(Protocol):
    """Whoever is told what took since when."""

    def add(self, what: str, begun: float) -> None: ...


class TimedStore:
    """A store of which each transaction is noted, from its begin to its commit."""

    def __init__(self, store: Store, notes: Noted) -> None:
        self._store = store
        self._notes = notes

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        begun = time.perf_counter()
        with self._store.write() as uow:
            lock = uow.deployments.lock
            has_row: list[float] = []

            def timed_lock(deployment_id: DeploymentId) -> Deployment:
                deployment = lock(deployment_id)
                has_row.append(time.perf_counter())
                return deployment

            uow.deployments.lock = timed_lock  # type: ignore[method-assign]
            # Messages are sent when it is over.
            uow.after_commit(lambda: self._note(begun, has_row))
            yield uow

    def _note(self, begun: float, has_row: Sequence[float]) -> None:
        if has_row:
            self._notes.add(ADVANCE, has_row[0])
            self._notes.add(WHOLE, begun)

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        begun = time.perf_counter()
        with self._store.read() as uow:
            yield uow
        self._notes.add(READ, begun)


def note_in(file: Path) -> None:
    """Have each transaction of an advance, and each plan, noted in *file*."""
    notes = Notes(file)
    advance, plan = tasks.advance, engine.plan_in_place

    def timed_advance(deployment_id: DeploymentId, *, store: Store) -> None:
        advance(deployment_id, store=TimedStore(store, notes))  # type: ignore[arg-type]

    def timed_plan(*arguments: Any, **named: Any) -> Iterator[Any]:
        begun = time.perf_counter()
        steps = list(plan(*arguments, **named))
        notes.add(PLAN, begun)
        return iter(steps)

    tasks.advance = timed_advance
    engine.plan_in_place = timed_plan


if __name__ == "__main__":
    note_in(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
