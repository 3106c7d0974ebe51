"""A new version is brought in while it deploys: processes are replaced, one after the other."""

import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import httpx2
import psutil
import pytest

from acceptance.bundles import Ledger, bundle
from acceptance.conftest import fleet_in
from acceptance.fleet import Fleet, whole_run
from acceptance.one_by_one import OneByOne
from acceptance.system import TIDEGATE
from parts.databases import Databases
from parts.processes import is_alive, wait_until
from parts.sshd import SshdFarm
from parts.versions import ROOT, unpack, versions_before
from tidegate.store.schema import FIRST_FLOOR, HEAD

REVISION = bundle("upgrade")
LEAVE_WITHIN = 10.0
"""Seconds in which a process has to be gone that was told to end."""
SESSIONS = 100


@pytest.fixture
def fleet(databases: Databases, tmp_path: Path) -> Iterator[Fleet]:
    """A system on PostgreSQL, without a host, with one worker for hosts."""
    with (
        databases.empty("postgresql") as url,
        fleet_in(tmp_path, database_url=url, concurrency=SESSIONS + 20) as fleet,
    ):
        yield fleet


def replaced(fleet: Fleet, name: str) -> float:
    """Tell a process to end, wait for the one after it, and return how long it took to be gone."""
    process = psutil.Process(int(fleet.system.processes()[name]["pid"]))
    begun = monotonic()
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: not is_alive(process), within=30, what=f"{name} is gone")
    took = monotonic() - begun
    fleet.system.wait_for_another(name, process.pid)
    wait_until(fleet.is_ready, within=60, what="the system is ready again")
    return took


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The code of the schema before this one; where git does not know it, this code itself."""
    versions = versions_before(HEAD, floor=FIRST_FLOOR)
    return unpack(versions[0], tmp_path / "before") if versions else ROOT


@pytest.fixture
def old(before: Path, databases: Databases, redis_url: str, tmp_path: Path) -> Iterator[OneByOne]:
    """A system of the version before this one, on PostgreSQL."""
    data_dir = tmp_path / "data"
    with (
        databases.empty("postgresql") as url,
        OneByOne(data_dir, code=before, database_url=url, broker_url=redis_url) as system,
    ):
        wait_until(lambda: is_ready(system), within=60, what="the old version is ready")
        yield system


@pytest.mark.slow
def test_every_process_gives_way_to_the_new_version_and_nothing_is_lost(
    old: OneByOne, sshd_farm: SshdFarm
):
    fleet = Fleet(old, sshd_farm)
    first, second, third = fleet.add_hosts(3)
    for host in fleet.hosts:
        fleet.ledger(host).hold("AfterInstall")
    deployment_id = fleet.deploy(fleet.group(fleet.hosts, "OneAtATime"), REVISION)
    fleet.wait_for_hook(deployment_id, first, "AfterInstall")

    old.code = ROOT
    old.run(TIDEGATE, "migrate")
    wait_until(lambda: is_ready(old), within=60, what="old processes work with the new schema")
    for host, names in (
        (first, ("worker-hosts-1", "api")),
        (second, ("worker-control", "worker-hosts-2")),
        (third, ("beat",)),
    ):
        fleet.wait_for_hook(deployment_id, host, "AfterInstall")
        for name in names:
            old.replace(name)
            wait_until(lambda: is_ready(old), within=60, what="the system is ready again")
        fleet.ledger(host).mend()
    ended = fleet.wait(deployment_id)

    assert ended["status"] == "Succeeded", fleet.targets(deployment_id)
    for host in fleet.hosts:
        assert fleet.ledger(host).told(deployment_id) == whole_run(first=True), host.name
    numbers = [event["id"] for event in fleet.history(deployment_id)]
    assert numbers == list(range(1, len(numbers) + 1))


def is_ready(system: OneByOne) -> bool:
    try:
        return bool(system.client.get("/readyz").status_code == 200)
    except httpx2.TransportError:
        return False


@pytest.mark.slow
def test_a_worker_with_a_hundred_sessions_lets_go_of_all_in_time(fleet: Fleet):
    (machine,) = fleet.farm.start(1)
    places = {f"web-{n}": machine.folder / f"web-{n}" for n in range(1, SESSIONS + 1)}
    for name, place in places.items():
        place.mkdir()
        variables = {"LEDGER": str(place / "ledger")}
        state = str(place / "state")
        body = {"name": name, **machine.settings, "state_dir": state, "variables": variables}
        fleet.post("/v1/hosts", body)
    ledgers = [Ledger(place / "ledger") for place in places.values()]
    for ledger in ledgers:
        ledger.hold("AfterInstall")
    deployment_id = fleet.deploy(fleet.group(places), REVISION)
    wait_until(
        lambda: all("AfterInstall begin" in one.told(deployment_id) for one in ledgers),
        within=120,
        what="all are in their hooks",
    )

    took = replaced(fleet, "worker-hosts-1")
    wait_until(
        lambda: {one["attempt"] for one in fleet.targets(deployment_id).values()} == {2},
        within=60,
        what="the next worker attaches to all",
    )
    for ledger in ledgers:
        ledger.mend()
    ended = fleet.wait(deployment_id, within=120)

    assert took < LEAVE_WITHIN
    assert ended["status"] == "Succeeded"
    assert {tuple(one.told(deployment_id)) for one in ledgers} == {tuple(whole_run(first=True))}
    print(f"The worker was gone after {took:.1f} s.")  # noqa: T201
