"""Workers with fewer slots than there is to do: what waits behind one goes to another."""

import pytest

from acceptance.conftest import RABBITMQ, REDIS
from acceptance.crashes import holder
from acceptance.fleet import Fleet, whole_run
from parts.processes import wait_until

OPTIONS = {"workers": 2, "concurrency": 2}
HOSTS = 8
SENT_AGAIN = 120
"""Seconds in which what nobody has taken is sent again, even twice."""


@pytest.mark.slow
@pytest.mark.parametrize("shared_fleet", [REDIS, RABBITMQ], indirect=True)
def test_no_target_waits_for_a_worker_that_is_full_while_another_has_a_slot(fleet: Fleet):
    for host in fleet.hosts:
        fleet.ledger(host).hold("AfterInstall")
    id_ = fleet.deploy(fleet.group(fleet.hosts))
    wait_until(lambda: len(fleet.in_hook(id_, "AfterInstall")) == 4, within=60, what="all slots")
    workers = {
        host.name: holder(fleet, id_, host.name).pid
        for host in fleet.hosts
        if host in fleet.in_hook(id_, "AfterInstall")
    }
    full = min(workers.values())
    stuck = [host for host in fleet.hosts if workers.get(host.name) == full]

    for host in fleet.hosts:
        if host not in stuck:
            fleet.ledger(host).release("AfterInstall")
    for host in fleet.hosts:
        if host not in stuck:
            fleet.wait_for_target(id_, host, "Succeeded", within=SENT_AGAIN)
    still = fleet.in_hook(id_, "AfterInstall")
    fleet.mend()

    assert still == stuck
    assert len(stuck) == 2
    assert fleet.wait(id_)["status"] == "Succeeded"
    for host in fleet.hosts:
        assert fleet.ledger(host).told(id_) == whole_run(first=True)
