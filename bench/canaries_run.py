"""One run of the bench: canaries whose last shifts come due, and what becomes of them."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psutil
from canaries_sweep import SweepCost, sweep_cost
from canaries_work import Canaries
from findings import percentiles
from fleet_gauge import cpu_of
from fleet_profile import commands
from fleet_system import System
from sqlalchemy import text

WORKER = str(Path(__file__).with_name("canaries_worker.py"))
ALL = 100
"""The weight of the shift that is measured."""
COME_IN = timedelta(seconds=3)
DRAIN_WITHIN = 180.0
"""Seconds for which is waited for those that are late."""
COUNTED = """
SELECT coalesce(sum(calls), 0), coalesce(sum(total_exec_time), 0) FROM pg_stat_statements
WHERE query !~ 'pg_stat_statements|^(BEGIN|COMMIT|ROLLBACK)'
"""
STAGES = """
SELECT deployment_id, extract(epoch FROM started_at)::float, extract(epoch FROM finished_at)::float
FROM steps WHERE weight = 100 AND started_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Everything that is counted, at one moment."""

    at: float
    cpu: Mapping[str, float]
    busy: float
    """Seconds of processor time of the whole machine."""
    statements: float
    milliseconds: float
    commands: Counter[str]


@dataclass(frozen=True, slots=True)
class Run:
    """How late steps were that came at one rate while so many canaries were in flight."""

    flying: int
    rate: float
    steps: int
    done: int
    """How many were carried out while it was measured, whenever they had been due."""
    missing: int
    """How many had not been carried out long after the end; they count as late as they were."""
    late: Sequence[float]
    """Seconds from when a step was due until its driver was called: the percentiles 0 to 100."""
    begun: Sequence[float]
    """The same until the step was begun, which is when the rows say so."""
    ended: Sequence[float]
    """The same until the step was recorded, and all that comes after it."""
    statements: float
    """Per step, with all that the system does besides."""
    milliseconds: float
    """In PostgreSQL, per step; waiting for locks counts."""
    cpu: Mapping[str, float]
    """Milliseconds of processor time per step, by process."""
    commands: float
    """To Redis, per step."""
    others: float
    """Cores that were busy with what is none of ours."""
    seconds: float


class Lab:
    """A system with so many canaries that only wait, and *come* more that are to come due."""

    def __init__(self, folder: Path, flying: int, come: int) -> None:
        self.flying = flying
        self.come = come
        self.recorded = folder / "recorded.txt"
        (folder / "system").mkdir()
        start = [WORKER, str(self.recorded), "worker"]
        workers = {
            "worker-control": [*start, "--queue", "control"],
            "worker-traffic": [*start, "--queue", "hosts", "--queue", "traffic"],
        }
        self.system = System(folder / "system", statements=True, workers=workers)

    def __enter__(self) -> Self:
        self.system.start_stores()
        self.canaries = Canaries(
            self.system.postgres.url(self.system.database), self.flying + self.come
        )
        with self.canaries.engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION pg_stat_statements"))
        return self

    def __exit__(self, *_: object) -> None:
        self.canaries.close()
        self.system.stop()

    def sweep(self) -> SweepCost:
        """Measure sweeps before anybody else sweeps."""
        return sweep_cost(self.canaries)

    def run(
        self, rate: float, *, warm: float, seconds: float, watch: AbstractContextManager[Any]
    ) -> Run:
        self.system.start_processes()
        start = self.canaries.store.clock.now() + COME_IN
        due = self.canaries.let_come(self.come, rate=rate, start=start)
        begin = start + timedelta(seconds=warm)
        _sleep_until(begin)
        with self.canaries.engine.begin() as connection:
            connection.execute(text("SELECT pg_stat_statements_reset()"))
        before = self._gauge()
        with watch:
            _sleep_until(begin + timedelta(seconds=seconds))
        after = self._gauge()
        self._drain(due)
        measured = {id_: at.timestamp() for id_, at in due.items() if at >= begin}
        return self._run_of(measured, before, after, rate)

    def _gauge(self) -> Gauge:
        with self.canaries.engine.connect() as connection:
            calls, milliseconds = connection.execute(text(COUNTED)).one()
        times = psutil.cpu_times()
        return Gauge(
            at=time.time(),
            cpu={name: cpu_of(pid) for name, pid in self.system.pids().items()},
            busy=times.user + times.nice + times.system,
            statements=float(calls),
            milliseconds=float(milliseconds),
            commands=commands(self.system),
        )

    def _drain(self, due: Mapping[str, datetime]) -> None:
        until = time.monotonic() + DRAIN_WITHIN
        while self.canaries.waiting(due) and time.monotonic() < until:
            time.sleep(1)

    def _run_of(self, due: Mapping[str, float], before: Gauge, after: Gauge, rate: float) -> Run:
        now = time.time()
        called = self._called()
        with self.canaries.engine.connect() as connection:
            rows = connection.execute(text(STAGES)).all()
        done = max(1, sum(before.at <= at < after.at for at in called.values()))
        passed = after.at - before.at
        cpu = {name: 1000 * (after.cpu[name] - before.cpu[name]) / done for name in before.cpu}
        ours = sum(cpu.values()) * done / 1000
        return Run(
            flying=self.flying,
            rate=rate,
            steps=len(due),
            done=done,
            missing=len(due.keys() - called.keys()),
            late=percentiles([called.get(id_, now) - at for id_, at in due.items()]),
            begun=percentiles([_of(rows, 1).get(id_, now) - at for id_, at in due.items()]),
            ended=percentiles([_of(rows, 2).get(id_, now) - at for id_, at in due.items()]),
            statements=(after.statements - before.statements) / done,
            milliseconds=(after.milliseconds - before.milliseconds) / done,
            cpu=cpu,
            commands=(after.commands - before.commands).total() / done,
            others=max(0.0, after.busy - before.busy - ours) / passed,
            seconds=passed,
        )

    def _called(self) -> dict[str, float]:
        """When the driver was first called for the last shift of each canary."""
        found: dict[str, float] = {}
        for line in self.recorded.read_text().splitlines():
            id_, weight, at = line.split()
            if int(weight) == ALL:
                found[id_] = min(float(at), found.get(id_, float(at)))
        return found


def _of(rows: Sequence[Any], column: int) -> dict[str, float]:
    return {row[0]: row[column] for row in rows if row[column] is not None}


def _sleep_until(moment: datetime) -> None:
    time.sleep(max(0.0, moment.timestamp() - time.time()))
