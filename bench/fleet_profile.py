"""Where Tidegate's time goes: by process, by function of the worker, by statement, by message."""

import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from fleet_gauge import cpu_of
from fleet_hosts import HostFarm
from fleet_peers import program
from fleet_system import System
from fleet_tools import places
from fleet_work import Hosts, bundle, check, forget

TOOL = "tidegate"
SHOWN = 25
PER_SECOND = 100


def profile(count: int) -> None:
    """Deploy to *count* hosts twice: as usual for what it costs, and once more under the profiler.

    To be watched slows a process down: only shares may be read from the second.
    """
    with places(count) as (for_hosts, control), HostFarm(for_hosts, count) as farm:
        (control / "system").mkdir()
        with System(control / "system", statements=True) as system:
            system.register(farm.hosts)
            group = system.group(farm.hosts)
            forget(farm.hosts, TOOL)
            system.deploy(group, system.push(bundle("first", farm.hosts.place)))
            database = connect(system)
            database.execute("CREATE EXTENSION pg_stat_statements")
            costs(system, group, farm, database)
            functions(system, group, farm.hosts, control / "worker.raw")
            database.close()


def connect(system: System) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=str(system.postgres.folder), user="tide", dbname=system.database, autocommit=True
    )


def costs(
    system: System, group: str, farm: HostFarm, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    count = len(farm.hosts.each)
    pushed = system.push(bundle("costs", farm.hosts.place))
    forget(farm.hosts, TOOL)
    database.execute("SELECT pg_stat_statements_reset()")
    messages, on_hosts = commands(system), farm.cpu()
    before = {name: cpu_of(pid) for name, pid in system.pids().items()}
    _, seconds = system.deploy(group, pushed)
    after = {name: cpu_of(pid) for name, pid in system.pids().items()}
    on_hosts, messages = farm.cpu() - on_hosts, commands(system) - messages
    check(farm.hosts, TOOL, "costs")
    print(f"{count} hosts in {seconds:.2f} s; milliseconds of processor time per host:")
    for name, used in after.items():
        print(f"  {1000 * (used - before[name]) / count:7.1f}  {name}")
    print(f"  {1000 * on_hosts / count:7.1f}  hosts")
    print("Commands to Redis:", dict(messages.most_common(12)))
    statements(database)


def statements(database: psycopg.Connection[tuple[object, ...]]) -> None:
    rows = database.execute(
        "SELECT calls, total_exec_time, query FROM pg_stat_statements ORDER BY calls DESC"
    ).fetchall()
    calls, waited = (sum(float(str(row[index])) for row in rows) for index in (0, 1))
    print(f"{calls:.0f} statements, {waited:.0f} ms in them (waiting for locks included):")
    for number, milliseconds, query in rows[:SHOWN]:
        text = re.sub(r"\s+", " ", str(query))
        print(f"  {number:6} {float(str(milliseconds)):10.1f} ms  {text[:110]}")


def commands(system: System) -> Counter[str]:
    client = system.redis.client()
    try:
        told = client.info("commandstats")
    finally:
        client.close()
    return Counter({name.removeprefix("cmdstat_"): int(s["calls"]) for name, s in told.items()})


def functions(system: System, group: str, hosts: Hosts, raw: Path) -> None:
    """Sample the thread of the worker that holds the interpreter: all others wait."""
    pushed = system.push(bundle("functions", hosts.place))
    forget(hosts, TOOL)
    with watched(system.pids()["worker"], raw):
        system.deploy(group, pushed)
    shares("worker", raw)


@contextmanager
def watched(worker: int, raw: Path) -> Iterator[None]:
    """Write to *raw* what the worker of that pid does meanwhile."""
    options = ["--gil", "-f", "raw", "-r", str(PER_SECOND), "-d", "600", "-o", str(raw)]
    with raw.with_suffix(".log").open("wb") as log:
        spy = subprocess.Popen(
            [program("tools", "py-spy"), "record", "-p", str(worker), *options],
            stdout=log,
            stderr=log,
        )
        time.sleep(2)
        yield
        spy.send_signal(signal.SIGINT)
        spy.wait(60)


def shares(worker: str, raw: Path) -> None:
    """Show in which functions a worker was when it was watched."""
    itself: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for line in raw.read_text().splitlines():
        stack, _, samples = line.rpartition(" ")
        frames = [re.sub(r":\d+\)$", ")", frame) for frame in stack.split(";")]
        itself[frames[-1]] += int(samples)
        for frame in set(frames):
            within[frame] += int(samples)
    total = max(1, itself.total())
    for title, counted in (("by itself", itself), ("with what it calls", within)):
        print(f"Shares of the interpreter of the {worker}, {title}:")
        for frame, samples in counted.most_common(SHOWN if counted is itself else 3 * SHOWN):
            print(f"  {100 * samples / total:5.1f} %  {frame}")
