"""What the bench of the API found: as JSON, as a table, and as goals that are met or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from findings import Chapter, listed, table, verdict

CHAPTER = Chapter("api")
NAMES = {"floor": "bare route", "tidegate": "Tidegate", "moto": "moto"}
FEW, MANY = 1_000, 100_000
READS = ("GetDeployment", "ListDeployments")


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds in which one server was asked one thing."""

    database: str
    operation: str
    peer: str
    deployments: int
    rate: float
    least: float
    most: float
    median: float
    p99: float
    cpu: float

    @property
    def tail(self) -> float:
        return self.p99 / self.median


def summary_of(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    names = ("database", "operation", "peer", "deployments")
    keys = dict.fromkeys(tuple(run[name] for name in names) for run in runs)
    rows = []
    for key in keys:
        mine = [run for run in runs if tuple(run[name] for name in names) == key]
        rates = [run["rate"] for run in mine]
        middle = {n: median(run[n] for run in mine) for n in ("rate", "median", "p99", "cpu")}
        rows.append(Row(*key, least=min(rates), most=max(rates), **middle))
    return rows


def table_of(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    head = (
        "Database",
        "Operation",
        "Server",
        "Deployments",
        "Requests per second (least to most)",
        "Median",
        "p99",
        "p99 / median",
        "CPU per request",
    )
    lines = [
        (
            row.database,
            row.operation,
            NAMES[row.peer],
            f"{row.deployments:,}",
            f"{row.rate:.0f} ({row.least:.0f} to {row.most:.0f})",
            f"{row.median:.2f} ms",
            f"{row.p99:.2f} ms",
            f"{row.tail:.1f}",
            f"{row.cpu:.2f} ms",
        )
        for row in rows
    ]
    return table(head, lines)


def goals_of(rows: Sequence[Row]) -> list[str]:
    """Every goal, and whether it is met; a goal of which nothing is known is left out."""
    known = {(r.database, r.operation, r.peer, r.deployments): r for r in rows}
    said = []
    for database in dict.fromkeys(row.database for row in rows):
        for operation in READS:
            mine = known.get((database, operation, "tidegate", MANY))
            peer = known.get((database, operation, "moto", MANY))
            if mine and peer:
                what = f"{operation} is at least as fast as moto's"
                said.append(verdict(f"{database}: {what}", mine.rate / peer.rate, least=1.0))
        mine = known.get((database, "GetDeployment", "tidegate", MANY))
        floor = known.get((database, "GetDeployment", "floor", MANY))
        if mine and floor:
            what = "GetDeployment has at least 0.4 times the rate of the bare route"
            said.append(verdict(f"{database}: {what}", mine.rate / floor.rate, least=0.4))
            what = "the p99 of GetDeployment is at most 5 times its median"
            said.append(verdict(f"{database}: {what}", mine.tail, most=5.0))
        few, many = (known.get((database, READS[1], "tidegate", n)) for n in (FEW, MANY))
        if few and many:
            what = f"ListDeployments over {MANY:,} takes at most 1.3 times that over {FEW:,}"
            said.append(verdict(f"{database}: {what}", few.rate / many.rate, most=1.3))
    return said


def section(found: Mapping[str, Any]) -> str:
    rows, told = summary_of(found["runs"]), found["machine"]
    where = (
        f"{told['cores']} cores, {told['memory_gb']} GB, {told['system']}; "
        f"{found['connections']} connections; load before the run {told['load_before']}."
    )
    return "\n\n".join((where, table_of(rows), "Goals:", listed(goals_of(rows))))
