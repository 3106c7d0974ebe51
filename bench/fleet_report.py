"""What the bench found, as JSON, as tables, as goals that are met or not, and as a picture."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from findings import Chapter, Found, listed, table, verdict

CHAPTER = Chapter("fleet")
NAMES = {
    "floor": "(a) floor",
    "tidegate": "(b) Tidegate",
    "pyinfra": "(c) pyinfra",
    "ansible": "(d) ansible-core",
}
MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """All rounds of one tool with one number of hosts."""

    tool: str
    hosts: int
    rounds: int
    seconds: float
    least: float
    most: float
    cpu: Mapping[str, float]
    """Milliseconds per host of the control side, by process."""
    host_cpu: float
    memory: float

    @property
    def control_cpu(self) -> float:
        return sum(self.cpu.values())


def summary_of(runs: Sequence[Mapping[str, Any]]) -> list[Row]:
    keys = sorted({(run["hosts"], list(NAMES).index(run["tool"])) for run in runs})
    rows = []
    for hosts, index in keys:
        tool = list(NAMES)[index]
        mine = [run for run in runs if (run["hosts"], run["tool"]) == (hosts, tool)]
        seconds = [run["seconds"] for run in mine]
        rows.append(
            Row(
                tool=tool,
                hosts=hosts,
                rounds=len(mine),
                seconds=median(seconds),
                least=min(seconds),
                most=max(seconds),
                cpu={
                    name: 1000 * median(run["cpu"][name] for run in mine) / hosts
                    for name in mine[0]["cpu"]
                },
                host_cpu=1000 * median(run["host_cpu"] for run in mine) / hosts,
                memory=median(run["memory"] for run in mine) / MB,
            )
        )
    return rows


def ratio_of(rows: Iterable[Row], hosts: int, tool: str, base: str) -> float | None:
    """How many times the time of *base* a tool took; None if one of them is missing."""
    found = {row.tool: row.seconds for row in rows if row.hosts == hosts}
    return found[tool] / found[base] if {tool, base} <= found.keys() else None


def table_of(rows: Sequence[Row]) -> str:
    """A Markdown table."""
    head = (
        "Hosts",
        "Tool",
        "Rounds",
        "Seconds (least to most)",
        "Times the floor",
        "CPU per host: control + host",
        "Memory of the control side",
    )
    lines = []
    for row in rows:
        ratio = ratio_of(rows, row.hosts, row.tool, "floor")
        lines.append(
            (
                str(row.hosts),
                NAMES[row.tool],
                str(row.rounds),
                f"{row.seconds:.2f} ({row.least:.2f} to {row.most:.2f})",
                "" if ratio is None else f"{ratio:.2f}",
                f"{row.control_cpu:.0f} + {row.host_cpu:.0f} ms",
                f"{row.memory:.0f} MB",
            )
        )
    return table(head, lines)


def shares_of(rows: Sequence[Row]) -> str:
    """What each process of Tidegate took, as a Markdown table."""
    mine = [row for row in rows if row.tool == "tidegate"]
    if not mine:
        return ""
    names = list(mine[0].cpu)
    lines = []
    for row in mine:
        each = [f"{row.cpu[name]:.1f}" for name in names]
        lines.append((str(row.hosts), *each, f"{row.host_cpu:.1f}"))
    return table(("Hosts", *names, "hosts"), lines)


def goals_of(found: Found) -> list[str]:
    """Every goal, and whether it is met; a goal of which nothing is known is left out."""
    rows = summary_of(found["runs"])
    goals: list[tuple[str, float | None, dict[str, float]]] = []
    for hosts in (100, 200):
        what = f"Tidegate takes at most 1.5 times the floor with {hosts} hosts"
        goals.append((what, ratio_of(rows, hosts, "tidegate", "floor"), {"most": 1.5}))
    counts = sorted({row.hosts for row in rows})
    for hosts in counts:
        for tool, least in (("pyinfra", 2.0), ("ansible", 10.0)):
            what = f"Tidegate is at least {least:.0f} times faster than {tool} with {hosts} hosts"
            goals.append((what, ratio_of(rows, hosts, tool, "tidegate"), {"least": least}))
    goals.append(("A host of 200 costs at most 1.2 times one of 50", _growth(rows), {"most": 1.2}))
    said = [verdict(what, value, **bound) for what, value, bound in goals if value is not None]
    return [*said, *map(_held, found.get("hold", []))]


def _growth(rows: Iterable[Row]) -> float | None:
    each = {row.hosts: row.seconds / row.hosts for row in rows if row.tool == "tidegate"}
    return each[200] / each[50] if {50, 200} <= each.keys() else None


def _held(hold: Mapping[str, Any]) -> str:
    met = hold["at_once"] == hold["hosts"] and hold["worker_peak"] < hold["limit"]
    return (
        f"{'met' if met else 'NOT met'}: one worker holds {hold['hosts']} hosts in a hook of "
        f"{hold['hook']} s at once under {hold['limit'] / MB:.0f} MB ({hold['at_once']} at once; "
        f"{hold['worker_peak'] / MB:.0f} MB RSS at its highest, {hold['worker_cpu']:.0f} s of "
        f"processor time; {hold['gathered']:.0f} s until all were in the hook, "
        f"{hold['dispersed']:.0f} s from its end to Succeeded)"
    )


def section(found: Found) -> str:
    rows = summary_of(found["runs"])
    told = found["machine"]
    where = (
        f"{told['cores']} cores, {told['memory_gb']} GB, {told['system']}; files of the hosts "
        f"{told['hosts_files']}; load before the run {told['load_before']}."
    )
    parts = [
        where,
        table_of(rows),
        f"![Seconds by number of hosts]({CHAPTER.picture.name})",
        "Processor time of Tidegate per host, in milliseconds, by process:",
        shares_of(rows),
        "Goals:",
        listed(goals_of(found)),
    ]
    if found.get("skipped"):
        parts.append("Left out, for the time was used up: " + "; ".join(found["skipped"]) + ".")
    return "\n\n".join(part for part in parts if part)
