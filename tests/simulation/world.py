"""The whole system in one process: rows are real, everything else is made up and goes wrong."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event

from simulation.fibers import Fiber, pause
from tidegate.domain.errors import DeploymentActive, DeploymentAlreadyCompleted, Stale
from tidegate.domain.ids import DeploymentId
from tidegate.engine.deployments import stop_deployment
from tidegate.messages import SWEEP
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.health import WORKER_KINDS
from tidegate.store.outbox import Message
from tidegate.store.together import Alone
from tidegate.store.unit_of_work import Store, UnitOfWork
from tidegate.testing.builders import Shop
from tidegate.testing.clock import FakeClock
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_host import FakeHosts
from tidegate.testing.fake_worker import FakeArtifacts, FakeWorker

SWEEPS = Message(id="beat", links=(SWEEP,), arguments={})
MOST_TRIES = 5
_numbers = count()


class CountedIds:
    """Ids that a failing example shows again."""

    def __init__(self) -> None:
        self._count = count(1)

    def deployment(self) -> DeploymentId:
        return DeploymentId(f"d-{next(self._count):09}")

    def unique(self) -> str:
        return f"id-{next(self._count)}"

    def secret(self) -> str:
        return f"secret-{next(self._count)}"


class PausingStore(Store):
    """Stands still before every transaction, so that others come between."""

    @contextmanager
    def write(self, *, lasting: bool = True) -> Iterator[UnitOfWork]:
        pause()
        with super().write(lasting=lasting) as uow:
            yield uow


class World:
    """One database, one broker, some hosts, and workers that come and go."""

    def __init__(self, template: Path, folder: Path, *, hosts: int, config: str, **group):
        self.path = folder / f"{next(_numbers)}.sqlite"
        shutil.copyfile(template, self.path)
        self.clock = FakeClock()
        self.broker = FakeBroker(on_send=pause)
        self.names = [f"web-{number}" for number in range(1, hosts + 1)]
        self.hosts = FakeHosts(self.clock, by_hand=True, wait=pause, exit_code=exit_code)
        self._folder = folder
        self.engine = connect(f"sqlite:///{self.path}")
        event.listen(self.engine, "connect", _be_quick)
        self.store = PausingStore(
            self.engine, sender=self.broker, clock=self.clock, ids=CountedIds()
        )
        self.shop = self.new_shop(config=config, **group)
        self.workers: list[FakeWorker] = []
        self.fibers: dict[str, list[Fiber]] = {}
        self.heartless: set[str] = set()
        """Workers that work on and show no life: the others take them for dead."""
        self.born = 0
        for _ in range(2):
            self.start_worker()

    def new_shop(self, **group) -> Shop:
        return Shop.with_hosts(self.store, self.names, **group)

    def close(self) -> None:
        for name in list(self.fibers):
            self._kill(name)
        self.engine.dispose()
        for path in self._folder.glob(f"{self.path.name}*"):
            path.unlink()

    def start_worker(self) -> None:
        self.born += 1
        worker = FakeWorker(
            f"worker-{self.born}",
            store=self.store,
            broker=self.broker,
            hosts=self.hosts,
            artifacts=FakeArtifacts(self.path),
            settings=Settings(data_dir=self._folder),
            together=Alone(self.store),  # one fiber runs at a time, and may stop anywhere
            **self.drivers(),
        )
        self.workers.append(worker)
        self.fibers[worker.name] = []
        worker.show_life()

    def drivers(self) -> dict[str, Any]:
        """Return by what else than hosts a worker touches the world."""
        return {}

    def kill_worker(self, index: int) -> None:
        """Kill one worker in the middle of whatever it does; another one is started."""
        worker = self.workers.pop(index % len(self.workers))
        self._kill(worker.name)
        self.start_worker()

    def _kill(self, name: str) -> None:
        for fiber in self.fibers.pop(name):
            fiber.kill()

    def leave_worker(self, index: int) -> None:
        """Ask one worker to end: it lets go of what it follows."""
        worker = self.workers.pop(index % len(self.workers))
        worker.runs.let_go()
        fibers = self.fibers.pop(worker.name)
        for _ in range(20):
            for fiber in fibers:
                fiber.resume()
        for fiber in fibers:
            fiber.kill()
        with self.store.write() as uow:
            uow.heartbeats.leave(worker.name)
        self.start_worker()

    def deliver(self, index: int, to: int, *, keep: bool = False) -> None:
        """Hand a message to a worker, out of order; with *keep* it will come once more."""
        queue = self.broker.queue
        at = index % len(queue)
        message = queue[at] if keep else queue.pop(at)
        self.perform(message, to)

    def perform(self, message: Message, to: int) -> None:
        worker = self.workers[to % len(self.workers)]
        fiber = Fiber(f"{worker.name} {message.links[0]}", lambda: _perform(worker, message))
        self.fibers[worker.name].append(fiber)
        fiber.resume()

    def sweep(self, by: int) -> None:
        self.perform(SWEEPS, by)

    def running(self) -> list[Fiber]:
        for name, fibers in self.fibers.items():
            self.fibers[name] = [fiber for fiber in fibers if not fiber.is_over]
        return [fiber for fibers in self.fibers.values() for fiber in fibers]

    def stop(self, deployment_id: str, *, rollback: bool | None) -> None:
        with suppress(DeploymentAlreadyCompleted), self.store.write() as uow:
            stop_deployment(DeploymentId(deployment_id), uow=uow, actor="tester", rollback=rollback)

    def deploy(self, revision: str, appspec: Mapping[str, object], **options) -> None:
        if revision not in self.shop.revisions:
            self.shop.revision(revision, appspec=appspec)
        with suppress(DeploymentActive):
            self.shop.deploy(revision, **options)

    def calm(self) -> None:
        """Let a second of good weather pass: all alive, all delivered, all swept."""
        self.clock.advance(timedelta(seconds=1))
        self.show_life()
        self.sweep(0)
        self.sweep(1)
        self.deliver_all()
        for _ in range(4):
            self.resume_all()
            for name in self.names:
                self.hosts[name].step()

    def show_life(self) -> None:
        for worker in self.workers:
            if worker.name not in self.heartless:
                worker.show_life()
        with self.store.write() as uow:
            uow.heartbeats.beat("control", WORKER_KINDS["control"], uow.now())

    def deliver_all(self) -> None:
        for number in range(len(self.broker.queue)):
            self.deliver(0, number)

    def resume_all(self) -> None:
        for fiber in self.running():
            fiber.resume()

    def rows(self, query: str) -> list[tuple]:
        connection = sqlite3.connect(self.path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def _perform(worker: FakeWorker, message: Message) -> None:
    for _ in range(MOST_TRIES):
        try:
            worker.perform(message)
        except Stale:
            pause()
        else:
            return


def exit_code(host: str, spec: Mapping[str, object], name: str) -> int:
    """Fail where the revision's AppSpec says so."""
    appspec = spec["appspec"]
    assert isinstance(appspec, dict)
    return 1 if [host, name] in appspec.get("fails", []) else 0


def _be_quick(connection, _record) -> None:
    connection.execute("PRAGMA synchronous=OFF")
