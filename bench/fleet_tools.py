"""The tools that the bench compares, each doing the same work: the floor, and Tidegate."""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from fleet_gauge import Cost, Peak, cpu_of, run_gauged
from fleet_system import System
from fleet_work import Hosts, bundle, forget

OF_A_HOST = 30_000_000
"""Bytes that a host may come to hold: five revisions and what the tools unpack beside them."""
FLOOR = Path(__file__).with_name("fleet_floor.py")


class Tool(Protocol):
    """Installs a bundle on hosts and runs its hooks there."""

    name: str

    def prepare(self, hosts: Hosts) -> None:
        """Do what comes once, before the rounds with these hosts."""

    def deploy(self, hosts: Hosts, revision: str, data: bytes) -> Cost:
        """Do the work on all *hosts* at once."""


class Floor:
    """One plain script, one session per host."""

    name = "floor"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self, hosts: Hosts) -> None:
        """Nothing: it needs nothing that is not there."""

    def deploy(self, hosts: Hosts, revision: str, data: bytes) -> Cost:
        del revision
        order = self._folder / "order.json"
        order.write_text(json.dumps(self._order(hosts, data)))
        cost, said = run_gauged(self.name, [sys.executable, str(FLOOR), str(order)], self._folder)
        # Without the start of Python, which the real floor would not need.
        return Cost(float(json.loads(said)["seconds"]), cost.cpu, cost.memory)

    def _order(self, hosts: Hosts, data: bytes) -> dict[str, Any]:
        archive = self._folder / "bundle.tgz"
        archive.write_bytes(data)
        each = [{"name": h.name, "address": h.address, "port": h.port} for h in hosts.each]
        return {
            "place": str(hosts.place),
            "identity": str(hosts.identity),
            "user": hosts.user,
            "known_hosts": str(hosts.write_known_hosts(self._folder / "known_hosts")),
            "bundle": str(archive),
            "hosts": each,
        }


class Tidegate:
    """A whole system, from the request to the status Succeeded."""

    name = "tidegate"

    def __init__(self, system: System) -> None:
        self._system = system
        self._group = ""

    def register(self, hosts: Hosts) -> None:
        self._system.register(hosts)

    def prepare(self, hosts: Hosts) -> None:
        """Deploy once, since ApplicationStop is the business of the revision that is there."""
        self._group = self._system.group(hosts)
        forget(hosts, self.name)
        first = self._system.push(bundle(f"first-{len(hosts.each)}", hosts.place))
        self._system.deploy(self._group, first)

    def deploy(self, hosts: Hosts, revision: str, data: bytes) -> Cost:
        del hosts, revision
        pushed = self._system.push(data)
        pids = self._system.pids()
        before = {name: cpu_of(pid) for name, pid in pids.items()}
        with Peak(pids.values()) as peak:
            _, seconds = self._system.deploy(self._group, pushed)
        after = {name: cpu_of(pid) for name, pid in pids.items()}
        return Cost(seconds, {name: after[name] - before[name] for name in pids}, peak.bytes)


def home_of_hosts(count: int, each: int) -> Path | None:
    """Where hosts keep their files: in memory where there is room, else wherever is usual.

    A hundred hosts on one disk wait for each other; real ones have a disk each.
    """
    memory = Path("/dev/shm")
    if memory.is_dir() and shutil.disk_usage(memory).free > 2 * count * each:
        return memory
    return None


@contextlib.contextmanager
def places(most: int, *, each: int = OF_A_HOST) -> Iterator[tuple[Path, Path]]:
    """A folder for the hosts and one for the control side, gone afterwards."""
    home = home_of_hosts(most, each)
    for_hosts = Path(tempfile.mkdtemp(prefix="tidegate-fleet-", dir=home))
    control = Path(tempfile.mkdtemp(prefix="tidegate-fleet-"))
    for_hosts.chmod(0o755)
    try:
        yield for_hosts, control
    finally:
        shutil.rmtree(for_hosts, ignore_errors=True)
        shutil.rmtree(control, ignore_errors=True)
