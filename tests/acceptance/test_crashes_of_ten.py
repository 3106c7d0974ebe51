"""Ten hosts in their hooks at once when something is killed, on each database and each broker."""

from collections.abc import Callable

import pytest

from acceptance.crashes import (
    DELAY,
    REVISION,
    ends_right,
    freeze_broker,
    kill_hosts_worker,
    lose_all,
)
from acceptance.fleet import Fleet
from parts.processes import wait_until


@pytest.mark.slow
@pytest.mark.parametrize("crash", [kill_hosts_worker, freeze_broker, lose_all])
def test_ten_hosts_at_once_get_over_a_crash(ten: Fleet, crash: Callable[[Fleet], None]):
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
