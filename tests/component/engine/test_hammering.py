"""Many threads at once at everything: nobody waits for ever, and the end is right."""

import threading
from functools import partial

from sqlalchemy.exc import DBAPIError

from component.engine.system import ALL
from tidegate.domain.errors import DeploymentActive, DeploymentAlreadyCompleted, Stale
from tidegate.domain.target import TargetStatus
from tidegate.engine.sweep import sweep
from tidegate.testing.builders import ON_STOP
from tidegate.testing.fake_worker import LEASE

WEBS = tuple(f"web-{number}" for number in range(1, 7))
ROUNDS = 4
WORKERS = 4


class Hammer:
    """Threads that do the same thing over and over until they are told that it is over."""

    def __init__(self, system) -> None:
        self.over = threading.Event()
        self.troubles: list[str] = []
        self._system = system
        self._threads: list[threading.Thread] = []

    def start(self, work) -> None:
        self._threads.append(self._system.in_thread(lambda: self._go_on(work)))

    def _go_on(self, work) -> None:
        while not self.over.wait(0.005):
            try:
                work()
            except (Stale, DeploymentActive, DeploymentAlreadyCompleted):
                continue
            except DBAPIError as error:
                self.troubles.append(str(error.orig))
                self.over.set()

    def stop(self) -> None:
        self.over.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)


def perform_one(system, worker):
    try:
        message = system.broker.queue.pop(0)
    except IndexError:
        return
    try:
        worker.perform(message)
    except Stale:
        worker.perform(message)


def sweep_and_live(system, workers):
    sweep(store=system.store, lease=LEASE)
    for worker in workers:
        worker.show_life()


def test_advance_take_record_stop_and_sweep_at_once(system):
    shop = system.shop(*WEBS, config=ALL, auto_rollback=ON_STOP)
    workers = [system.new_worker(f"worker-{number}") for number in range(2, 2 + WORKERS)]
    system.sweep()
    hammer = Hammer(system)
    for worker in workers * 2:
        hammer.start(partial(perform_one, system, worker))
    for _ in range(2):
        hammer.start(partial(sweep_and_live, system, workers))

    for number in range(ROUNDS):
        id_ = shop.deploy(f"revision-{number}")
        system.advance(id_)
        if number % 2:
            system.stop(id_)
        wait_for_all(system, hammer.over)
    hammer.stop()

    assert not hammer.troubles
    assert set(system.hosts.ran.values()) == {1}
    with system.store.read() as uow:
        deployments = uow.deployments.page()
    assert len(deployments) >= ROUNDS
    for deployment in deployments:
        assert deployment.status in {"Succeeded", "Stopped"}
        assert deployment.overview.get("Failed", 0) == 0 or deployment.status == "Stopped"
        numbers = [recorded.number for recorded in system.history(deployment.id)]
        assert numbers == list(range(1, len(numbers) + 1))


def wait_for_all(system, over):
    pause = threading.Event()
    for _ in range(2400):
        with system.store.read() as uow:
            active = uow.catalog.group("shop", "prod").active_deployment_id
            busy = any(
                uow.targets.names(d.id, statuses=[TargetStatus.IN_PROGRESS])
                for d in uow.deployments.page(limit=5)
            )
        if active is None and not busy:
            return
        assert not over.is_set(), "somebody failed"
        system.clock.advance(0.05)
        pause.wait(0.02)
    raise AssertionError("the deployments never ended")
