"""Processes that are killed in mid-deployment: it ends right, and no hook runs twice."""

import os
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import psutil
import pytest

from acceptance.bundles import bundle
from acceptance.fleet import Document, Fleet, whole_run
from parts.processes import is_alive, wait_until

OPTIONS = {"workers": 2}
DELAY = 60.0
"""Seconds that a crash may cost at most."""
REVISION = bundle("crash")


@pytest.fixture(scope="module")
def undisturbed(shared_fleet: Fleet) -> float:
    """Seconds that this takes when nobody is killed, on this machine, at this time."""
    begun = monotonic()
    shared_fleet.succeeded(shared_fleet.group(shared_fleet.hosts, "OneAtATime"), REVISION)
    return monotonic() - begun


@pytest.fixture
def fleet(fleet: Fleet) -> Iterator[Fleet]:
    """The shared one, when it has come round from what the last test did to it."""
    wait_until(fleet.is_ready, within=90, what="the system is ready")
    yield fleet
    wait_until(fleet.is_ready, within=90, what="the system is ready again")


def in_mid_hook(fleet: Fleet) -> str:
    """A deployment, one at a time, whose first host is in its hook, and stays there."""
    for host in fleet.hosts:
        fleet.ledger(host).hold("AfterInstall")
    deployment_id = fleet.deploy(fleet.group(fleet.hosts, "OneAtATime"), REVISION)
    wait_until(lambda: fleet.in_hook(deployment_id, "AfterInstall"), within=60, what="a hook runs")
    return deployment_id


def ends_right(fleet: Fleet, deployment_id: str, *, within: float) -> Document:
    """Let it go on, and see that it succeeds in time with each hook run once."""
    fleet.mend()
    ended = fleet.wait(deployment_id, within=within)
    assert ended["status"] == "Succeeded", fleet.targets(deployment_id)
    for host in fleet.hosts:
        told = fleet.ledger(host).told(deployment_id)
        assert told == whole_run(first=True), host.name
    return ended


def kill_hosts_worker(fleet: Fleet) -> None:
    for name in fleet.system.processes():
        if name.startswith("worker-hosts"):
            fleet.system.kill(name)


def kill_control_worker(fleet: Fleet) -> None:
    fleet.system.kill("worker-control")


def kill_beat(fleet: Fleet) -> None:
    fleet.system.kill("beat")


def kill_api(fleet: Fleet) -> None:
    fleet.system.kill("api")


def lose_redis(fleet: Fleet) -> None:
    fleet.system.flush_redis()
    fleet.system.kill("redis")


def lose_all(fleet: Fleet) -> None:
    fleet.system.flush_redis()
    for name in fleet.system.processes():
        fleet.system.kill(name)


CRASHES = [kill_hosts_worker, kill_control_worker, kill_beat, kill_api, lose_redis, lose_all]


def slow_but(*quick: Callable[[Fleet], None]) -> list[Any]:
    """Return all crashes, of which only the quick ones are tried in every run."""
    return [
        crash if crash in quick else pytest.param(crash, marks=pytest.mark.slow)
        for crash in CRASHES
    ]


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_during_a_hook_costs_at_most_a_minute_and_runs_no_hook_twice(
    fleet: Fleet, undisturbed: float, crash: Callable[[Fleet], None]
):
    deployment_id = in_mid_hook(fleet)

    crash(fleet)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@pytest.mark.parametrize("crash", slow_but(kill_hosts_worker, lose_redis))
def test_a_crash_that_outlives_the_hook_costs_at_most_a_minute_too(
    fleet: Fleet, undisturbed: float, crash: Callable[[Fleet], None]
):
    deployment_id = in_mid_hook(fleet)

    fleet.mend()
    crash(fleet)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


def test_messages_that_are_lost_right_after_the_start_are_sent_again(
    fleet: Fleet, undisturbed: float
):
    deployment_id = fleet.deploy(fleet.group(fleet.hosts, "OneAtATime"), REVISION)

    for _ in range(10):
        fleet.system.flush_redis()
        sleep(0.2)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("crash", slow_but(kill_hosts_worker, lose_all))
def test_ten_hosts_at_once_get_over_a_crash_on_either_database(
    ten: Fleet, crash: Callable[[Fleet], None]
):
    wait_until(ten.is_ready, within=90, what="the system is ready")
    for host in ten.hosts:
        ten.ledger(host).hold("AfterInstall")
    deployment_id = ten.deploy(ten.group(ten.hosts), REVISION)
    wait_until(
        lambda: len(ten.in_hook(deployment_id, "AfterInstall")) == len(ten.hosts),
        within=60,
        what="all are in their hooks",
    )

    crash(ten)

    ends_right(ten, deployment_id, within=DELAY + 20)
    wait_until(ten.is_ready, within=90, what="the system is ready again")


@pytest.mark.slow
def test_a_worker_that_is_told_to_end_hands_its_runs_over(fleet: Fleet, undisturbed: float):
    deployment_id = in_mid_hook(fleet)

    for number in range(1, OPTIONS["workers"] + 1):
        os.kill(int(fleet.system.processes()[f"worker-hosts-{number}"]["pid"]), signal.SIGTERM)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


def test_a_worker_that_slept_past_its_lease_overwrites_nothing(fleet: Fleet, undisturbed: float):
    deployment_id = in_mid_hook(fleet)
    (busy,) = fleet.in_hook(deployment_id, "AfterInstall")
    sleeper = holder(fleet, deployment_id, busy.name)

    sleeper.send_signal(signal.SIGSTOP)
    try:
        wait_until(
            lambda: fleet.target(deployment_id, busy)["attempt"] == 2,
            within=60,
            what="another worker takes the target",
        )
        fleet.ledger(busy).release("AfterInstall")
        before = fleet.wait_for_target(deployment_id, busy, "Succeeded", "Failed")
    finally:
        sleeper.send_signal(signal.SIGCONT)
    ended = ends_right(fleet, deployment_id, within=DELAY + undisturbed)
    sleep(5)

    assert is_alive(sleeper)
    assert before["status"] == "Succeeded"
    assert fleet.target(deployment_id, busy) == {
        **fleet.target(deployment_id, busy),
        **{key: before[key] for key in ("status", "attempt", "finished_at", "message")},
    }
    moves = [
        (e["target"], e["name"], e["to"])
        for e in fleet.history(deployment_id)
        if e["from"] != e["to"]
    ]
    assert len(moves) == len(set(moves))
    assert fleet.show(deployment_id) == ended


def holder(fleet: Fleet, deployment_id: str, target: str) -> psutil.Process:
    """The worker that began a target, by the name that it leaves in the history."""
    actor = next(
        str(event["actor"])
        for event in fleet.history(deployment_id)
        if (event["target"], event["name"]) == (target, "begin")
    )
    return psutil.Process(int(actor.split("-")[-2]))
