"""Processes that are killed in mid-deployment: it ends right, and no hook runs twice."""

import os
import signal
from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest

from acceptance.conftest import RABBITMQ, REDIS
from acceptance.crashes import (
    CRASHES,
    DELAY,
    REVISION,
    ends_right,
    holder,
    in_mid_hook,
    kill_control_worker,
    kill_hosts_worker,
    lose_all,
    lose_broker,
)
from acceptance.fleet import Fleet
from acceptance.side_by_side import slow_but
from parts.processes import is_alive, wait_until

OPTIONS = {"workers": 2}


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


WHERE_THERE_IS_TIME = pytest.param(RABBITMQ, marks=pytest.mark.slow)
on_each_broker = pytest.mark.parametrize("shared_fleet", [REDIS, RABBITMQ], indirect=True)
on_redis = pytest.mark.parametrize("shared_fleet", [REDIS, WHERE_THERE_IS_TIME], indirect=True)
"""And on the other broker where there is time."""


@on_redis
@pytest.mark.parametrize(
    "crash",
    slow_but(CRASHES, kill_hosts_worker, kill_control_worker, lose_all),
)
def test_a_crash_during_a_hook_costs_at_most_a_minute_and_runs_no_hook_twice(
    fleet: Fleet, undisturbed: float, crash: Callable[[Fleet], None]
):
    deployment_id = in_mid_hook(fleet)

    crash(fleet)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@on_each_broker
def test_a_worker_that_is_killed_when_the_hook_has_ended_costs_at_most_a_minute(
    fleet: Fleet, undisturbed: float
):
    deployment_id = in_mid_hook(fleet)

    fleet.mend()
    kill_hosts_worker(fleet)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@on_redis
@pytest.mark.parametrize("crash", slow_but(CRASHES, lose_broker))
def test_a_crash_that_outlives_the_hook_costs_at_most_a_minute_too(
    fleet: Fleet, undisturbed: float, crash: Callable[[Fleet], None]
):
    deployment_id = in_mid_hook(fleet)

    fleet.mend()
    crash(fleet)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@on_redis
def test_messages_that_are_lost_right_after_the_start_are_sent_again(
    fleet: Fleet, undisturbed: float
):
    deployment_id = fleet.deploy(fleet.group(fleet.hosts, "OneAtATime"), REVISION)

    for _ in range(10):
        fleet.system.empty_broker()
        sleep(0.2)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@on_redis
@pytest.mark.slow
def test_a_worker_that_is_told_to_end_hands_its_runs_over(fleet: Fleet, undisturbed: float):
    deployment_id = in_mid_hook(fleet)

    for number in range(1, OPTIONS["workers"] + 1):
        os.kill(int(fleet.system.processes()[f"worker-hosts-{number}"]["pid"]), signal.SIGTERM)

    ends_right(fleet, deployment_id, within=DELAY + undisturbed)


@on_redis
@pytest.mark.slow
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
