"""A worker process that carries out one step by the driver for Lambda, and shows life meanwhile.

Python runs this file; the database, its own name, deployment and target follow.
"""

import sys
import threading
from contextlib import nullcontext
from datetime import timedelta

from tidegate.clock import SystemClock
from tidegate.domain.ids import DeploymentId, RandomIds, TargetId
from tidegate.domain.notices import NoticeSettings
from tidegate.drivers.traffic.lambda_ import LambdaTraffic
from tidegate.engine.step_runs import StepRuns
from tidegate.store.database import connect
from tidegate.store.health import WORKER_KINDS
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_traffic import FakeHooks

FRESH = timedelta(minutes=1)
EVERY = 0.2


def main(url: str, name: str, deployment_id: str, target_id: str) -> None:
    store = Store(
        connect(url),
        sender=FakeBroker(),
        clock=SystemClock(),
        ids=RandomIds(),
        notices=NoticeSettings(),
    )
    over = threading.Event()

    def beat() -> None:
        with store.write() as uow:
            uow.heartbeats.beat(name, WORKER_KINDS["traffic"], uow.now())

    def live() -> None:
        while not over.wait(EVERY):
            beat()

    beat()
    heart = threading.Thread(target=live)
    heart.start()
    driver = LambdaTraffic()
    steps = StepRuns(
        store=store,
        driver=lambda _: driver,
        call_hook=FakeHooks(),
        attending=lambda _: nullcontext(),
        is_leaving=over.is_set,
        owner=name,
        fresh=FRESH,
    )
    goes_on = steps.run(DeploymentId(deployment_id), TargetId(target_id))
    over.set()
    heart.join()
    sys.stdout.write(f"goes on: {goes_on}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
