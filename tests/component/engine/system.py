"""A whole Tidegate in this process, whose messages are delivered when a test says so."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tidegate.domain.history import RecordedTransition
from tidegate.domain.ids import DeploymentId, RandomIds, TargetId
from tidegate.domain.notices import Channel, NoticeSettings
from tidegate.drivers.notices import NoticeSender, notice_sender
from tidegate.engine.advance import advance_deployment
from tidegate.engine.deployments import stop_deployment
from tidegate.engine.reports import Progress
from tidegate.engine.sweep import Swept, sweep
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.leases import Lease
from tidegate.store.unit_of_work import Store
from tidegate.testing.builders import Shop
from tidegate.testing.clock import FakeClock
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_host import FakeHosts
from tidegate.testing.fake_instances import FakeInstances
from tidegate.testing.fake_traffic import FakeHooks, FakeTraffic
from tidegate.testing.fake_worker import LEASE, FakeArtifacts, FakeWorker

ONE, HALF, ALL = (
    f"CodeDeployDefault.{name}" for name in ("OneAtATime", "HalfAtATime", "AllAtOnce")
)
PATIENCE = 30.0


class System:
    """Store, broker, hosts and one worker; more workers can be had."""

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        notices: NoticeSettings | None = None,
        sender: Callable[[Channel], NoticeSender] = notice_sender,
    ) -> None:
        self.engine = connect(url)
        self.clock = FakeClock()
        self.broker = FakeBroker()
        self.store = Store(
            self.engine,
            sender=self.broker,
            clock=self.clock,
            ids=RandomIds(),
            notices=notices or NoticeSettings(),
        )
        self.notice_sender = sender
        self.fails: set[tuple[str, str]] = set()
        """Host and event at which hooks fail."""
        self.hosts = FakeHosts(
            self.clock, exit_code=lambda host, _, event: 3 * ((host, event) in self.fails)
        )
        self.traffic = FakeTraffic(self.clock)
        self.hooks = FakeHooks()
        self.instances = FakeInstances()
        self.settings = Settings(data_dir=folder)
        bundle = folder / "bundle"
        bundle.write_bytes(b"bundle")
        self.artifacts: Any = FakeArtifacts(bundle)
        self.worker = self.new_worker("worker-1")
        self._threads: list[threading.Thread] = []

    def close(self) -> None:
        self.hosts.close()
        for thread in self._threads:
            thread.join(PATIENCE)
        self.engine.dispose()

    def new_worker(self, name: str) -> FakeWorker:
        worker = FakeWorker(
            name,
            store=self.store,
            broker=self.broker,
            hosts=self.hosts,
            artifacts=self.artifacts,
            settings=self.settings,
            sender=self.notice_sender,
            traffic=self.traffic,
            hooks=self.hooks,
            instances=self.instances,
        )
        worker.show_life()
        return worker

    def shop(self, *names: str, **group: Any) -> Shop:
        return Shop.with_hosts(self.store, names, **group)

    def settle(self, worker: FakeWorker | None = None) -> None:
        """Deliver messages until there are none."""
        while self.broker.queue:
            (worker or self.worker).perform(self.broker.queue.pop(0))

    def deliver(self, task: str, worker: FakeWorker | None = None) -> None:
        """Deliver the first message that begins with *task*."""
        at = [message.links[0] for message in self.broker.queue].index(task)
        (worker or self.worker).perform(self.broker.queue.pop(at))

    def waiting(self) -> list[str]:
        """Return the tasks that messages in the broker begin with."""
        return [message.links[0] for message in self.broker.queue]

    def in_thread(self, work: Callable[[], object]) -> threading.Thread:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def advance(self, deployment_id: str) -> None:
        advance_deployment(DeploymentId(deployment_id), store=self.store)

    def stop(self, deployment_id: str, **options: Any) -> None:
        with self.store.write() as uow:
            stop_deployment(DeploymentId(deployment_id), uow=uow, actor="tester", **options)

    def sweep(self, after: float = 0) -> Swept:
        """Sweep when *after* seconds have passed in which the worker was alive."""
        self.clock.advance(timedelta(seconds=after))
        self.worker.show_life()
        return sweep(store=self.store, lease=LEASE)

    def take(self, deployment_id: str, target: str, owner: str = "worker-1") -> Lease | None:
        with self.store.write() as uow:
            return uow.leases.take(
                DeploymentId(deployment_id), TargetId(target), owner=owner, at=uow.now()
            )

    def taken(self, deployment_id: str, target: str, owner: str = "worker-1") -> Progress:
        lease = self.take(deployment_id, target, owner)
        assert lease is not None
        return Progress(lease=lease, taken_at=self.clock.now())

    def history(self, deployment_id: str) -> Sequence[RecordedTransition]:
        with self.store.read() as uow:
            return uow.history.after(DeploymentId(deployment_id), 0, limit=100_000)

    def log(self, deployment_id: str, target: str, event: str) -> bytes:
        with self.store.read() as uow:
            pieces = uow.logs.pieces(DeploymentId(deployment_id), TargetId(target), event)
            return b"".join(data for _, data in pieces)


def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)
