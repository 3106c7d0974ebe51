"""How many sessions one worker holds at once, and in how much memory."""

import time
from concurrent.futures import ThreadPoolExecutor

from fleet_gauge import cpu_of, peak_rss_of
from fleet_hosts import HostFarm
from fleet_report import CHAPTER, goals_of, section
from fleet_system import System
from fleet_tools import places
from fleet_work import Hosts, bundle, check, forget, have_begun, hold_back, let_go

TOOL = "tidegate"
LIMIT = 400_000_000
HOLDS = ((200, 20), (500, 10))
"""Hosts, and seconds that the hook of ApplicationStart takes on all of them at once."""
GATHER_WITHIN = 600
OF_A_HOST = 8_000_000


def hold(*, keep: bool) -> None:
    """Measure all of it, and *keep* it beside what else was found if that is wanted."""
    found = []
    for count, seconds in HOLDS:
        # Hosts of their own for each: on those of another system its files are in the way.
        with places(count, each=OF_A_HOST) as (for_hosts, control):
            folder = control / "system"
            folder.mkdir()
            with HostFarm(for_hosts, count) as farm, System(folder) as system:
                found.append(hold_one(system, farm.hosts, seconds))
        print(found[-1], flush=True)
    known = {"runs": [], **CHAPTER.load(), "hold": found}
    if keep and "machine" in known:
        CHAPTER.save(known, section(known))
    print("\n".join(goals_of(known)))


def hold_one(system: System, hosts: Hosts, seconds: int) -> dict[str, object]:
    count = len(hosts.each)
    system.register(hosts)
    group = system.group(hosts)
    first = system.push(bundle(f"first-{count}", hosts.place))
    forget(hosts, TOOL)
    hold_back(hosts, TOOL)
    system.deploy(group, first)
    worker = system.pids()["worker"]
    before = cpu_of(worker)
    revision = f"hold-{count}"
    pushed = system.push(bundle(revision, hosts.place, sleep=seconds))
    with ThreadPoolExecutor(1) as aside:
        gathering = aside.submit(gather, hosts)
        _, took = system.deploy(group, pushed)
        at_once, gathered = gathering.result()
    check(hosts, TOOL, revision)
    return {
        "hosts": count,
        "hook": seconds,
        "at_once": at_once,
        "gathered": gathered,
        "dispersed": took - gathered - seconds,
        "worker_peak": peak_rss_of(worker),
        "worker_cpu": cpu_of(worker) - before,
        "limit": LIMIT,
    }


def gather(hosts: Hosts) -> tuple[int, float]:
    """Let the hooks of all hosts go once all wait; return how many did, and after how long."""
    began = time.monotonic()
    while (there := have_begun(hosts, TOOL)) < len(hosts.each):
        if time.monotonic() - began > GATHER_WITHIN:
            break
        time.sleep(0.5)
    passed = time.monotonic() - began
    let_go(hosts, TOOL)
    return there, passed
