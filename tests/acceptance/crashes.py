"""What may be killed, lost or frozen in mid-deployment, and what has to come of that."""

from time import sleep

import psutil

from acceptance.bundles import bundle
from acceptance.fleet import Document, Fleet, whole_run
from parts.processes import wait_until

DELAY = 60.0
"""Seconds that a crash may cost at most."""
FROZEN_FOR = 20
REVISION = bundle("crash")


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


def kill_broker(fleet: Fleet) -> None:
    fleet.system.kill_broker()


def lose_broker(fleet: Fleet) -> None:
    fleet.system.lose_broker()


def freeze_broker(fleet: Fleet) -> None:
    with fleet.system.frozen_broker():
        sleep(FROZEN_FOR)


def lose_all(fleet: Fleet) -> None:
    fleet.system.lose_broker()
    for name in set(fleet.system.processes()) - {"redis"}:
        fleet.system.kill(name)


CRASHES = [
    kill_hosts_worker,
    kill_control_worker,
    kill_beat,
    kill_api,
    kill_broker,
    lose_broker,
    freeze_broker,
    lose_all,
]


def holder(fleet: Fleet, deployment_id: str, target: str) -> psutil.Process:
    """The worker that began a target, by the name that it leaves in the history."""
    actor = next(
        str(event["actor"])
        for event in fleet.history(deployment_id)
        if (event["target"], event["name"]) == (target, "begin")
    )
    return psutil.Process(int(actor.split("-")[-2]))
