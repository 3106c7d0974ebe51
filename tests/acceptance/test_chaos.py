"""Workers die and connections are cut for a minute: every hook runs once, every deployment ends.

`make chaos` does the same for ten minutes. A seed that failed is tried again with
`TIDEGATE_CHAOS_SEED=… make chaos`.
"""

import os
import random
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest

from acceptance.bundles import bundle
from acceptance.conftest import fleet_in
from acceptance.fleet import FINAL, Document, Fleet, whole_run
from parts.processes import wait_until
from parts.sshd import SshdHost

SECONDS = float(os.environ.get("TIDEGATE_CHAOS_SECONDS", "60"))
SEED = os.environ.get("TIDEGATE_CHAOS_SEED") or secrets.token_hex(4)
HOSTS = 20
WORKERS = 6
"""So many that one lives long enough between two kills to get on with something."""
KILL_EVERY = 2.0
"""Seconds between two workers that die."""
CUT_EVERY = 0.7
"""Seconds between two hosts whose connections are cut."""
LOOK_EVERY = 1.0
SETTLE_WITHIN = 240.0
"""Seconds after the last blow until everything has to have ended."""


@dataclass
class Stream:
    """Deployments to one group, one after the other."""

    group: str
    hosts: list[SshdHost]
    data: bytes
    failing: str | None = None
    ids: list[str] = field(default_factory=list)

    def go_on(self, fleet: Fleet) -> None:
        """Deploy once more if the last one has ended."""
        if not self.ids or fleet.show(self.ids[-1])["status"] in FINAL:
            self.ids.append(fleet.deploy(self.group, self.data))


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with fleet_in(tmp_path, workers=WORKERS) as fleet:
        fleet.add_hosts(HOSTS)
        yield fleet


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + SETTLE_WITHIN + 120)
def test_whatever_dies_every_hook_runs_once_and_every_deployment_ends_right(fleet: Fleet):
    streams = [
        stream(fleet, fleet.hosts, "AllAtOnce"),
        stream(fleet, fleet.hosts[:10], "HalfAtATime"),
        stream(fleet, fleet.hosts[10:], "AllAtOnce", failing="ApplicationStart"),
    ]

    blows = wreak_havoc(fleet, streams, random.Random(SEED))
    for each in streams:
        fleet.wait(each.ids[-1], within=SETTLE_WITHIN)

    wrong = [finding for each in streams for finding in findings(fleet, each)]
    deployments = sum(len(each.ids) for each in streams)
    print(f"\nseed {SEED}: {deployments} deployments, {blows}")  # noqa: T201 - `make chaos` shows it
    assert wrong == [], f"seed {SEED}"
    assert blows.kills >= SECONDS / KILL_EVERY / 2
    assert blows.cuts > 0


def stream(
    fleet: Fleet, hosts: list[SshdHost], config: str, *, failing: str | None = None
) -> Stream:
    group = fleet.group(hosts, config, variables={"HOOK_SECONDS": "1"})
    data = bundle(f"{config} {failing}", fails=[failing] if failing else [])
    return Stream(group, hosts, data, failing)


@dataclass
class Blows:
    kills: int = 0
    cuts: int = 0


def wreak_havoc(fleet: Fleet, streams: list[Stream], chance: random.Random) -> Blows:
    """Kill workers and cut connections while deployments go on, and count the blows."""
    blows = Blows()
    ends_at = monotonic() + SECONDS
    kill_at = cut_at = look_at = monotonic()
    while monotonic() < ends_at:
        now = monotonic()
        if now >= look_at:
            look_at = now + LOOK_EVERY
            for each in streams:
                each.go_on(fleet)
        if now >= kill_at:
            kill_at = now + KILL_EVERY
            blows.kills += kill_a_worker(fleet, chance)
        if now >= cut_at:
            cut_at = now + CUT_EVERY
            blows.cuts += cut_a_host(fleet, chance)
        sleep(0.05)
    return blows


def kill_a_worker(fleet: Fleet, chance: random.Random) -> bool:
    """Kill one of the workers that live, and tell whether there was one."""
    living = {process.pid: process for process in fleet.system.living()}
    pids = [
        int(process["pid"])
        for name, process in sorted(fleet.system.processes().items())
        if name.startswith("worker-") and process["pid"] in living
    ]
    if not pids:
        return False
    try:
        living[chance.choice(pids)].kill()
    except psutil.NoSuchProcess:
        return False
    return True


def cut_a_host(fleet: Fleet, chance: random.Random) -> bool:
    """Break the connections of one of the hosts that have any, and tell whether there was one."""
    return any(host.cut() for host in chance.sample(fleet.hosts, len(fleet.hosts)))


def findings(fleet: Fleet, stream: Stream) -> Iterator[str]:
    """Everything that is not as it would have been in peace."""
    has_installed = False
    for deployment_id in stream.ids:
        shown = fleet.show(deployment_id)
        if shown["status"] != ("Failed" if stream.failing else "Succeeded"):
            yield f"{deployment_id} ended as {shown['status']}: {messages(fleet, deployment_id)}"
        expected = whole_run(first=not has_installed, failing=stream.failing)
        for host in stream.hosts:
            told = fleet.ledger(host).told(deployment_id)
            if told != expected:
                yield f"{deployment_id} on {host.name}: {told}"
        has_installed = True


def messages(fleet: Fleet, deployment_id: str) -> list[str]:
    targets: list[Document] = list(fleet.targets(deployment_id).values())
    return sorted({str(target["message"]) for target in targets if target["message"]})


def test_a_cut_ends_the_connections_of_a_host_and_no_other(tmp_path: Path):
    """What the test above stands on really cuts something."""
    with fleet_in(tmp_path) as fleet:
        host, other = fleet.add_hosts(2)
        for each in (host, other):
            fleet.ledger(each).hold("AfterInstall")
        deployment_id = fleet.deploy(fleet.group([host, other]), bundle("cut"))
        for each in (host, other):
            fleet.wait_for_hook(deployment_id, each, "AfterInstall")

        cuts = host.cut()
        wait_until(
            lambda: host.log().count("Accepted publickey") == 2, within=30, what="it is back"
        )
        fleet.mend()

        assert cuts >= 1
        assert fleet.wait(deployment_id)["status"] == "Succeeded"
        assert other.log().count("Accepted publickey") == 1
        assert fleet.ledger(host).told(deployment_id) == whole_run(first=True)
