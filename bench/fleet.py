"""How fast a fleet is deployed: Tidegate against the floor, pyinfra and Ansible, in turn.

Every host is a real OpenSSH server. Each round lets every tool do the same work on the same hosts,
one after the other, so that what else the machine does meets all of them alike.
"""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from fleet_hold import hold
from fleet_hosts import HostFarm
from fleet_peers import Ansible, Pyinfra
from fleet_profile import profile
from fleet_report import NAMES, goals_of, load, machine, save, summary_of, table_of
from fleet_system import System
from fleet_tools import Floor, Tidegate, Tool, places
from fleet_work import Hosts, bundle, check, forget

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
    end: float
    """When the budget is used up, by the monotonic clock."""
    runs: list[Run] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def measure(self, count: int, rounds: int) -> None:
        hosts = self.farm.hosts.first(count)
        able = [tool for tool in self.tools if self._rounds(tool.name, count, rounds)]
        for tool in able:
            if self._has_time(tool.name, count, "the first deployment"):
                tool.prepare(hosts)
        for number in range(rounds):
            turn = number % len(able)
            for tool in [*able[turn:], *able[:turn]]:
                if number < self._rounds(tool.name, count, rounds) and self._has_time(
                    tool.name, count, f"round {number + 1}"
                ):
                    self._run(tool, hosts, number + 1)

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

    def _rounds(self, tool: str, count: int, rounds: int) -> int:
        if tool == "ansible" and count >= ANSIBLE_ONCE:
            return 1 if count < MANY else 0
        return min(rounds, ROUNDS_WITH_MANY) if count >= MANY else rounds

    def _has_time(self, tool: str, count: int, what: str) -> bool:
        known = [run.seconds / run.hosts for run in self.runs if run.tool == tool]
        expected = count * max(known[-1:] or [AT_FIRST[tool]]) * 1.3 + 5
        if time.monotonic() + expected < self.end:
            return True
        self.skipped.append(f"{NAMES[tool]}, {count} hosts, {what}")
        print(f"Skipped, for the time is used up: {self.skipped[-1]}", flush=True)
        return False


def options_of(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", default="10,50,100,200", help="how many hosts, in turn")
    parser.add_argument("--rounds", type=int, default=5, help="rounds with each number of hosts")
    parser.add_argument("--tools", default=",".join(NAMES), help="which tools, of those")
    parser.add_argument("--budget", type=float, default=50, help="minutes that it may take in all")
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
        bench = Bench(farm, tools, end)
        for count in options.hosts:
            bench.measure(count, options.rounds)
        in_memory = for_hosts.is_relative_to("/dev/shm")
    found = {**load(), "machine": machine(in_memory=in_memory), "skipped": bench.skipped}
    found["runs"] = [asdict(run) for run in bench.runs]
    if options.save:
        save(found)
    print(table_of(summary_of(found["runs"])))
    print("\n".join(goals_of(found)))


def main() -> int:
    options = options_of(sys.argv[1:])
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
