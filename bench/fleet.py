"""How fast a fleet is deployed: Tidegate against the floor, pyinfra and Ansible, in turn.

Every host is a real OpenSSH server. Each round lets every tool do the same work on the same hosts,
one after the other, so that what else the machine does meets all of them alike.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from findings import machine
from fleet_hold import hold
from fleet_hosts import HostFarm
from fleet_peers import Ansible, Pyinfra
from fleet_profile import profile
from fleet_report import CHAPTER, NAMES, goals_of, section, summary_of, table_of
from fleet_system import System
from fleet_tools import Floor, Tidegate, Tool, places
from fleet_work import Hosts, bundle, check, forget

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from parts.sshd import SSHD

MANY = 200
ROUNDS_WITH_MANY = 3
ANSIBLE_ONCE = 100
AT_FIRST = {"floor": 0.1, "tidegate": 0.2, "pyinfra": 0.5, "ansible": 3.0}
"""Seconds per host that a first round may take, where nothing is known yet."""


@dataclass(frozen=True, slots=True)
class Run:
    """One deployment by one tool."""

    tool: str
    hosts: int
    round: int
    seconds: float
    cpu: dict[str, float]
    host_cpu: float
    memory: int


@dataclass(slots=True)
class Bench:
    """All tools on all hosts, and what was measured until now."""

    farm: HostFarm
    tools: Sequence[Tool]
    counts: Sequence[int]
    rounds: int
    end: float
    """When the budget is used up, by the monotonic clock."""
    runs: list[Run] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    prepared: set[tuple[str, int]] = field(default_factory=set)

    def measure(self) -> None:
        for count in self.counts:
            hosts = self.farm.hosts.first(count)
            for number in range(self.rounds + 1):
                turn = max(0, number - 1) % len(self.tools)
                for tool in [*self.tools[turn:], *self.tools[:turn]]:
                    self._take_turn(tool, hosts, number)

    def _take_turn(self, tool: Tool, hosts: Hosts, number: int) -> None:
        """Prepare the tool in round 0, then let it deploy as often as it should and can."""
        count = len(hosts.each)
        wanted = self._wanted(tool.name, count)
        if number > wanted or not wanted or not self._has_time(tool.name, count, number):
            return
        if number == 0:
            tool.prepare(hosts)
            self.prepared.add((tool.name, count))
        elif (tool.name, count) in self.prepared:
            self._run(tool, hosts, number)

    def _run(self, tool: Tool, hosts: Hosts, number: int) -> None:
        count = len(hosts.each)
        revision = f"{tool.name}-{count}-{number}"
        data = bundle(revision, hosts.place)
        forget(hosts, tool.name)
        before = self.farm.cpu()
        cost = tool.deploy(hosts, revision, data)
        host_cpu = self.farm.cpu() - before
        check(hosts, tool.name, revision)
        run = Run(tool.name, count, number, **asdict(cost), host_cpu=host_cpu)
        self.runs.append(run)
        here = sum(cost.cpu.values())
        print(
            f"{count:4} hosts, round {number}: {tool.name:<8} {cost.seconds:7.2f} s, CPU per host "
            f"{1000 * here / count:.0f} + {1000 * host_cpu / count:.0f} ms, "
            f"{cost.memory / 1e6:.0f} MB",
            flush=True,
        )

    def _wanted(self, tool: str, count: int) -> int:
        """How many rounds a tool has with so many hosts."""
        if tool == "ansible" and count >= ANSIBLE_ONCE:
            return 1 if count < MANY else 0
        return min(self.rounds, ROUNDS_WITH_MANY) if count >= MANY else self.rounds

    def _expected(self, tool: str, count: int) -> float:
        """Seconds that the next round of a tool may take, with a margin."""
        known = [run.seconds / run.hosts for run in self.runs if run.tool == tool]
        return count * (known[-1] if known else AT_FIRST[tool]) * 1.3 + 5

    def _has_time(self, tool: str, count: int, number: int) -> bool:
        # The slowest comes after all others: what they still need is kept for them.
        kept = self._needed_by_others(count, number) if tool == "ansible" else 0.0
        if time.monotonic() + self._expected(tool, count) + kept < self.end:
            return True
        self.skipped.append(f"{NAMES[tool]}, {count} hosts, round {number}")
        print(f"Skipped, for the time is used up: {self.skipped[-1]}", flush=True)
        return False

    def _needed_by_others(self, count: int, number: int) -> float:
        return sum(
            self._expected(tool.name, later) * (self._wanted(tool.name, later) + 1 - begun)
            for tool in self.tools
            if tool.name != "ansible"
            for later in self.counts
            if later >= count
            for begun in [number if later == count else 0]
        )


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", default="10,50,100,200", help="how many hosts, in turn")
    parser.add_argument("--rounds", type=int, default=5, help="rounds with each number of hosts")
    parser.add_argument("--tools", default=",".join(NAMES), help="which tools, of those")
    parser.add_argument("--budget", type=float, default=45, help="minutes that it may take in all")
    parser.add_argument("--hold", action="store_true", help="only: how much one worker holds")
    parser.add_argument(
        "--profile", action="store_true", help="only: where Tidegate's time goes, with --hosts N"
    )
    parser.add_argument("--save", action="store_true", help="write fleet.json and RESULTS.md anew")
    options = parser.parse_args(arguments)
    options.hosts = sorted(int(count) for count in options.hosts.split(","))
    options.tools = options.tools.split(",")
    if unknown := set(options.tools) - set(NAMES):
        parser.error(f"no such tool: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    return options


def tools_of(names: Sequence[str], control: Path, opened: contextlib.ExitStack) -> list[Tool]:
    found: list[Tool] = []
    for name in names:
        if name == "tidegate":
            (control / "system").mkdir()
            found.append(Tidegate(opened.enter_context(System(control / "system"))))
        else:
            make = {"floor": Floor, "pyinfra": Pyinfra, "ansible": Ansible}[name]
            found.append(make(control))
    return found


def compare(options: argparse.Namespace) -> None:
    end = time.monotonic() + 60 * options.budget
    most = max(options.hosts)
    with contextlib.ExitStack() as opened:
        for_hosts, control = opened.enter_context(places(most))
        tools = tools_of(options.tools, control, opened)
        print(f"Starting {most} hosts in {for_hosts}", flush=True)
        farm = opened.enter_context(HostFarm(for_hosts, most))
        for tool in tools:
            if isinstance(tool, Tidegate):
                tool.register(farm.hosts)
        bench = Bench(farm, tools, options.hosts, options.rounds, end)
        bench.measure()
        in_memory = for_hosts.is_relative_to("/dev/shm")
    told = machine(in_memory=in_memory)
    found = {**CHAPTER.load(), "machine": told, "skipped": bench.skipped}
    found["runs"] = [asdict(run) for run in bench.runs]
    if options.save:
        CHAPTER.save(found, section(found))
    print(table_of(summary_of(found["runs"])))
    print("\n".join(goals_of(found)))


def main() -> int:
    options = options_of(sys.argv[1:])
    if os.geteuid() != 0 or not os.access(SSHD, os.X_OK):
        sys.exit(f"The hosts need root, for a view of their own on the files, and {SSHD}.")
    # So that nothing is left when it is ended from outside.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The bench was ended."))
    if options.hold:
        hold(keep=options.save)
    elif options.profile:
        profile(options.hosts[0])
    else:
        compare(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
