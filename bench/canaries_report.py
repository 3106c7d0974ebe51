"""What the bench of canaries found: as JSON, as tables, as goals, and as a picture."""

from collections.abc import Sequence

from findings import Chapter, Found, listed, shares, table, verdict

CHAPTER = Chapter("canaries")
FEW, MANY = 1_000, 10_000
GOAL_RATE, GOAL_LATE, GOAL_SWEEP = 50, 2.0, 1.5


def line_of(run: Found) -> str:
    """One run in one line, as it is printed when it is over."""
    late = run["late"]
    return (
        f"{run['flying']:6} in flight, {run['rate']:.0f} steps/s: late p50 {late[50]:.2f}, p99 "
        f"{late[99]:.2f}, max {late[100]:.2f} s (begun p99 {run['begun'][99]:.2f}, ended p99 "
        f"{run['ended'][99]:.2f}); {run['done'] / run['seconds']:.1f} done/s, "
        f"{run['missing']} missing; per step {run['statements']:.1f} statements in "
        f"{run['milliseconds']:.1f} ms, {sum(run['cpu'].values()):.1f} ms of CPU "
        f"({shares(run)}), {run['commands']:.0f} commands to Redis; "
        f"others used {run['others']:.1f} cores"
    )


def table_of(runs: Sequence[Found]) -> str:
    """How late, and at which cost, as a Markdown table."""
    head = (
        "In flight",
        "Steps per second: due, done",
        "Late: p50",
        "p99",
        "max",
        "Recorded: p99",
        "SQL statements per step",
        "ms in PostgreSQL",
        "CPU per step",
        "Others used",
    )
    lines = [
        (
            f"{run['flying']:,}",
            f"{run['rate']:.0f}, {run['done'] / run['seconds']:.1f}",
            *(f"{run['late'][at]:.2f} s" for at in (50, 99, 100)),
            f"{run['ended'][99]:.2f} s",
            f"{run['statements']:.1f}",
            f"{run['milliseconds']:.1f}",
            f"{sum(run['cpu'].values()):.1f} ms",
            f"{run['others']:.1f} cores",
        )
        for run in runs
    ]
    return table(head, lines)


def shares_table(runs: Sequence[Found]) -> str:
    """Processor time per step by process, as a Markdown table."""
    names = list(runs[0]["cpu"])
    lines = [
        (
            f"{run['flying']:,}",
            f"{run['rate']:.0f}",
            *(f"{run['cpu'][name]:.1f}" for name in names),
        )
        for run in runs
    ]
    return table(("In flight", "Steps per second", *names), lines)


def sweeps_table(sweeps: Sequence[Found]) -> str:
    """What a sweep costs, as a Markdown table."""
    lines = [
        (
            f"{one['waiting']:,}",
            f"{one['milliseconds']:.1f} ms",
            f"{one['statements']:.0f}",
            f"{one['pages']:.0f}",
        )
        for one in sweeps
    ]
    head = ("Waiting", "A sweep that wakes 50", "SQL statements", "Pages of PostgreSQL")
    return table(head, lines)


def goals_of(found: Found) -> list[str]:
    """Every goal, and whether it is met; a goal of which nothing is known is left out."""
    said = []
    for run in found["runs"]:
        if (run["flying"], run["rate"]) == (MANY, GOAL_RATE):
            what = f"99 of 100 steps are less than {GOAL_LATE:.0f} s late with {MANY:,} in flight"
            at = f"{what} and {GOAL_RATE} due in a second"
            said.append(verdict(at, run["late"][99], most=GOAL_LATE))
    sweeps = found["sweeps"]
    few, many = (
        next((s for s in sweeps if low <= s["waiting"] < 10 * low), None) for low in (FEW, MANY)
    )
    if few and many:
        for unit in ("milliseconds", "pages"):
            what = f"A sweep over {many['waiting']:,} costs what one over {few['waiting']:,} costs"
            said.append(verdict(f"{what}, in {unit}", many[unit] / few[unit], most=GOAL_SWEEP))
    return said


def section(found: Found) -> str:
    told, runs = found["machine"], found["runs"]
    where = (
        f"{told['cores']} cores, {told['memory_gb']} GB, {told['system']}; load before the run "
        f"{told['load_before']}; each run measured {runs[0]['seconds']:.0f} s."
    )
    return "\n\n".join(
        (
            where,
            table_of(runs),
            f"![How late steps were]({CHAPTER.picture.name})",
            "Processor time per step, in milliseconds, by process:",
            shares_table(runs),
            sweeps_table(found["sweeps"]),
            "Goals:",
            listed(goals_of(found)),
        )
    )
