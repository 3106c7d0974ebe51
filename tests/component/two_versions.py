"""What one version of Tidegate does with a database; run with the code of another one, too.

`python two_versions.py VERB FOLDER [URL [ID]]` prints what came of it as JSON. Only what has long
been there is used: `System` and `Shop` are those of the tree that PYTHONPATH names.
"""

import json
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from component.engine.system import System
from tidegate.messages import RUN_HOOKS
from tidegate.store.schema import HEAD
from tidegate.testing.builders import ON_FAILURE, Shop

HOSTS = ("web-1", "web-2", "web-3")
AWAY = timedelta(minutes=10)
"""After which the other version goes on with what one has begun."""


def schema(_folder: Path) -> str:
    """Tell which code this is."""
    return HEAD


def whole(folder: Path, url: str) -> dict[str, Any]:
    """Deploy; fail and roll back; stop; and get over messages that are lost."""
    with closing(System(url, folder)) as system:
        shop = system.shop(*HOSTS, auto_rollback=ON_FAILURE)
        good = shop.deploy("r-1")
        settle(system)
        system.fails.add(("web-2", "AfterInstall"))
        bad = shop.deploy("r-2")
        while shop.deployment(bad).completed_at is None:
            system.worker.perform(system.broker.queue.pop(0))
        system.fails.clear()
        settle(system)
        stopped = shop.deploy("r-3")
        system.stop(stopped)
        settle(system)
        lost = shop.deploy("r-3")
        system.broker.queue.clear()
        settle(system)
        rollback = shop.deployment(bad).rollback_deployment_id
        assert rollback is not None
        ends = {"good": good, "bad": bad, "rollback": rollback, "stopped": stopped, "lost": lost}
        statuses = {name: shop.deployment(id_).status for name, id_ in ends.items()}
        return {**statuses, "targets": shop.statuses(lost)}


def begin(folder: Path, url: str) -> dict[str, Any]:
    """Begin a deployment, one host after the other, and die before the second one is taken."""
    with closing(System(url, folder)) as system:
        shop = system.shop(*HOSTS)
        deployment_id = shop.deploy("r-1")
        while "Succeeded" not in shop.statuses(deployment_id).values() or not is_sent(system):
            system.worker.perform(system.broker.queue.pop(0))
        return {"id": deployment_id, "targets": shop.statuses(deployment_id)}


def is_sent(system: System) -> bool:
    """Tell whether the run of a host waits in the broker."""
    return RUN_HOOKS in system.waiting()


def finish(folder: Path, url: str, deployment_id: str) -> dict[str, Any]:
    """Bring a deployment to its end that somebody else has begun."""
    with closing(System(url, folder)) as system:
        shop = Shop(system.store)
        system.clock.advance(AWAY)
        settle(system)
        numbers = [one.number for one in system.history(deployment_id)]
        assert numbers == list(range(1, len(numbers) + 1))
        status = shop.deployment(deployment_id).status
        return {"status": status, "targets": shop.statuses(deployment_id)}


def settle(system: System) -> None:
    """Deliver all messages, those that the sweep sends again as well."""
    for _ in range(6):
        system.settle()
        system.sweep(after=31)
    system.settle()


if __name__ == "__main__":
    verbs = {"schema": schema, "whole": whole, "begin": begin, "finish": finish}
    print(json.dumps(verbs[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])))  # noqa: T201
