"""What one sweep costs over many canaries that wait: time, statements, and pages of PostgreSQL."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from canaries_work import DEPLOYMENTS, Canaries, deployment_id
from sqlalchemy import text, update

from tidegate.engine.sweep import sweep
from tidegate.store.statements import plain_table
from tidegate.store.tables import OutboxRow

SWEEPS = 100
DUE = 50
"""How many steps each sweep finds to be due: as many as a second brings at the highest rate."""
LEASE = timedelta(seconds=15)
TOTALS = """
SELECT query, calls, shared_blks_hit + shared_blks_read FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
AND query !~ 'pg_stat_statements|^(BEGIN|COMMIT|ROLLBACK)'
"""


@dataclass(frozen=True, slots=True)
class SweepCost:
    """The medians of many sweeps."""

    waiting: int
    milliseconds: float
    statements: float
    pages: float
    """Pages that PostgreSQL looked at: unlike time it is the same on every machine."""
    most: tuple[str, float]
    """The statement that looked at most of them, and how many."""


def sweep_cost(canaries: Canaries) -> SweepCost:
    """Sweep by itself, with nobody else at the database."""
    times: list[float] = []
    used: list[Mapping[str, tuple[int, int]]] = []
    for _ in range(SWEEPS):
        _wake(canaries, canaries.store.clock.now() - timedelta(seconds=1))
        before = _totals(canaries)
        begun = time.perf_counter()
        woken = sweep(store=canaries.store, lease=LEASE).woken
        times.append(1000 * (time.perf_counter() - begun))
        used.append(_since(before, _totals(canaries)))
        if woken != DUE:
            raise SystemExit(f"A sweep woke {woken} of {DUE} deployments.")
    _wake(canaries, canaries.far)
    totals = [tuple(map(sum, zip(*one.values(), strict=True))) for one in used]
    most, (_, pages) = max(used[-1].items(), key=lambda item: item[1][1])
    return SweepCost(
        waiting=canaries.count,
        milliseconds=median(times),
        statements=median(calls for calls, _ in totals),
        pages=median(pages for _, pages in totals),
        most=(" ".join(most.split())[:110], pages),
    )


def _wake(canaries: Canaries, at: datetime) -> None:
    """Have some of the canaries be due, and nothing wait to be sent."""
    ids = [deployment_id(number) for number in range(1, DUE + 1)]
    with canaries.engine.begin() as connection:
        connection.execute(plain_table(OutboxRow).delete())
        which = DEPLOYMENTS.c.id.in_(ids)
        connection.execute(update(DEPLOYMENTS).where(which).values(wake_at=at))


def _totals(canaries: Canaries) -> dict[str, tuple[int, int]]:
    with canaries.engine.connect() as connection:
        rows = connection.execute(text(TOTALS)).all()
    return {query: (calls, pages) for query, calls, pages in rows}


def _since(
    before: Mapping[str, tuple[int, int]], after: Mapping[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    known = {query: before.get(query, (0, 0)) for query in after}
    return {
        query: (calls - known[query][0], pages - known[query][1])
        for query, (calls, pages) in after.items()
        if calls > known[query][0]
    }
