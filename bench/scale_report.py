"""What the bench of large fleets found: as JSON, as tables, as goals, and as a picture."""

from collections.abc import Sequence

from findings import Chapter, Found, listed, percentiles, shares, table, verdict

CHAPTER = Chapter("scale")
FEW, MANY = 1_000, 10_000
GOAL_RATIO, GOAL_MS = 1.3, 100.0
MB = 1_000_000


def line_of(run: Found) -> str:
    """One run in one line, as it is printed when it is over."""
    advance = run["advance"]
    return (
        f"{run['hosts']:6} hosts, {run['config']}: {run['seconds']:.0f} s, "
        f"{run['in_flight']} in flight; per target {cpu_of(run):.1f} ms of CPU ({shares(run)}), "
        f"{run['statements']:.1f} statements in {run['milliseconds']:.1f} ms, "
        f"{run['messages']:.2f} messages, {run['commands']:.0f} commands to Redis; "
        f"{run['advances']} transactions of advances: p50 {advance[50]:.1f}, "
        f"p99 {advance[99]:.1f}, max {advance[100]:.1f} ms, "
        f"with waiting p50 {run['whole'][50]:.0f}, p99 {run['whole'][99]:.0f} ms, "
        f"plan max {run['plan'][100]:.2f} ms, read {run['read']:.0f} ms; "
        f"memory {_memory(run)}; others used {run['others']:.1f} cores"
    )


def cpu_of(run: Found) -> float:
    """Milliseconds of processor time per target, of all that belongs to deployments."""
    return float(sum(run["cpu"].values()))


def _memory(run: Found) -> str:
    return ", ".join(f"{name} {used / MB:.0f} MB" for name, used in run["memory"].items())


def table_of(runs: Sequence[Found]) -> str:
    """Time and cost, as a Markdown table."""
    head = (
        "Hosts",
        "Config",
        "Time",
        "In flight at most",
        "CPU per target",
        "SQL statements per target",
        "ms in PostgreSQL",
        "Messages per target",
        "Others used",
    )
    lines = [
        (
            f"{run['hosts']:,}",
            run["config"],
            f"{run['seconds']:.0f} s",
            f"{run['in_flight']:,}",
            f"{cpu_of(run):.1f} ms",
            f"{run['statements']:.1f}",
            f"{run['milliseconds']:.1f}",
            f"{run['messages']:.2f}",
            f"{run['others']:.1f} cores",
        )
        for run in runs
    ]
    return table(head, lines)


def shares_table(runs: Sequence[Found]) -> str:
    """Processor time per target by process, as a Markdown table."""
    names = list(runs[0]["cpu"])
    lines = [
        (f"{run['hosts']:,}", run["config"], *(f"{run['cpu'][name]:.1f}" for name in names))
        for run in runs
    ]
    return table(("Hosts", "Config", *names), lines)


def memory_table(runs: Sequence[Found]) -> str:
    """Memory at its highest by process, as a Markdown table."""
    names = list(runs[0]["memory"])
    lines = [
        (
            f"{run['hosts']:,}",
            run["config"],
            *(f"{run['memory'][name] / MB:.0f} MB" for name in names),
        )
        for run in runs
    ]
    return table(("Hosts", "Config", *names), lines)


def advances_table(runs: Sequence[Found]) -> str:
    """How long decisions take, as a Markdown table."""
    head = (
        "Hosts",
        "Config",
        "Transactions",
        "p50",
        "p99",
        "max",
        "With waiting for the row: p50",
        "p99",
        "Planner: max",
        "All hosts read",
    )
    lines = [
        (
            f"{run['hosts']:,}",
            run["config"],
            f"{run['advances']:,}",
            *(f"{run['advance'][at]:.1f} ms" for at in (50, 99, 100)),
            *(f"{run['whole'][at]:.0f} ms" for at in (50, 99)),
            f"{run['plan'][100]:.2f} ms",
            f"{run['read']:.0f} ms",
        )
        for run in runs
    ]
    return table(head, lines)


DECISIONS = {
    "write": "targets written before it begins, 100 in each",
    "begin": "the one that begins it, with the first 50 sent",
    "send": "50 more sent",
    "look": "in the middle, nothing to start",
    "succeed": "the one that ends it",
    "stop": "a stop, with 200 skipped in each",
    "fail": "a failure, with 200 skipped in each",
}


def alone_table(alone: Found) -> str:
    """How long decisions take in a process of their own, as a Markdown table."""
    head = (f"A decision with {alone['hosts']:,} targets", "Transactions", "p50", "p99", "max")
    lines = [
        (
            what,
            f"{len(taken)}",
            *(f"{percentiles(taken)[at]:.1f} ms" for at in (50, 99, 100)),
        )
        for name, what in DECISIONS.items()
        if (taken := alone["taken"][name])
    ]
    return table(head, lines)


def goals_of(found: Found) -> list[str]:
    """Every goal, and whether it is met; a goal of which nothing is known is left out."""
    runs, alone = found["runs"], found["alone"]
    said = []
    if alone["hosts"] >= MANY:
        what = "99 of 100 transactions of an advance by itself take less than 100 ms"
        taken = [milliseconds for each in alone["taken"].values() for milliseconds in each]
        said.append(verdict(what, percentiles(taken)[99], most=GOAL_MS))
    for config in dict.fromkeys(run["config"] for run in runs):
        by_hosts = {run["hosts"]: run for run in runs if run["config"] == config}
        few, many = by_hosts.get(FEW), by_hosts.get(MANY)
        if few and many:
            what = f"{config}: a target of {MANY:,} costs what one of {FEW:,} costs, in CPU"
            said.append(verdict(what, cpu_of(many) / cpu_of(few), most=GOAL_RATIO))
        if many:
            what = f"{config}: 99 of 100 transactions of an advance take less than 100 ms"
            said.append(verdict(what, many["advance"][99], most=GOAL_MS))
            what = f"{config}: the planner takes less than 100 ms"
            said.append(verdict(what, many["plan"][100], most=GOAL_MS))
    return said


def section(found: Found) -> str:
    told, runs = found["machine"], found["runs"]
    where = (
        f"{told['cores']} cores, {told['memory_gb']} GB, {told['system']}; load before the run "
        f"{told['load_before']}; two workers for hosts with {found['slots']} slots each; each host "
        f"takes {runs[0]['answer']:.0f} s."
    )
    return "\n\n".join(
        (
            where,
            table_of(runs),
            f"![What a target costs]({CHAPTER.picture.name})",
            "Processor time per target, in milliseconds, by process:",
            shares_table(runs),
            "Memory at its highest (PSS) by process:",
            memory_table(runs),
            "How long the transactions of `deployment.advance` take:",
            advances_table(runs),
            "What decisions take with nobody beside them, in one process with PostgreSQL:",
            alone_table(found["alone"]),
            "Goals:",
            listed(goals_of(found)),
        )
    )
