"""How many sessions one worker holds at once, and in how much memory."""

from fleet_gauge import cpu_of, peak_rss_of
from fleet_hosts import HostFarm
from fleet_report import goals_of, load, save
from fleet_system import System
from fleet_tools import places
from fleet_work import Hosts, bundle, check, forget, most_at_once

TOOL = "tidegate"
LIMIT = 400_000_000
HOLDS = ((200, 20.0), (500, 60.0))
"""Hosts, and seconds that the hook of ApplicationStart takes on each."""


def hold(*, keep: bool) -> None:
    """Measure all of it, and *keep* it beside what else was found if that is wanted."""
    most = max(count for count, _ in HOLDS)
    with places(most) as (for_hosts, control), HostFarm(for_hosts, most) as farm:
        found = []
        for count, seconds in HOLDS:
            folder = control / f"system-{count}"
            folder.mkdir()
            # A worker of its own for each: its memory at the highest counts from its start.
            with System(folder) as system:
                found.append(hold_one(system, farm.hosts.first(count), seconds))
            print(found[-1], flush=True)
    known = {**load(), "hold": found}
    if keep and "machine" in known:
        save(known)
    print("\n".join(goals_of(known)))


def hold_one(system: System, hosts: Hosts, seconds: float) -> dict[str, object]:
    count = len(hosts.each)
    system.register(hosts)
    group = system.group(hosts)
    first = system.push(bundle(f"first-{count}", hosts.place))
    forget(hosts, TOOL)
    system.deploy(group, first)
    worker = system.pids()["worker"]
    before = cpu_of(worker)
    revision = f"hold-{count}"
    pushed = system.push(bundle(revision, hosts.place, sleep=seconds))
    _, took = system.deploy(group, pushed)
    check(hosts, TOOL, revision)
    return {
        "hosts": count,
        "hook": seconds,
        "seconds": took,
        "at_once": most_at_once(hosts, TOOL),
        "worker_peak": peak_rss_of(worker),
        "worker_cpu": cpu_of(worker) - before,
        "limit": LIMIT,
    }
