"""What goes wrong in the same way each time ends a target or a deployment all the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.ids import RandomIds
from tidegate.domain.revision import Source, SourceType
from tidegate.drivers.bundles.errors import FetchFailed, StoreUnavailable
from tidegate.drivers.hosts import (
    Fact,
    Finished,
    HostAddress,
    HostRun,
    Outcome,
    Report,
    ReportTo,
    Seen,
)
from tidegate.messages import SWEEP
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.outbox import Message
from tidegate.store.unit_of_work import Store
from tidegate.testing.builders import Shop
from tidegate.testing.clock import FakeClock
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_worker import FakeArtifacts, FakeWorker

SWEEPS = Message(id="beat", links=(SWEEP,), arguments={})


class OddHosts:
    """Hosts that say what a test has them say, and fail as it has them fail."""

    def __init__(self) -> None:
        self.reports: Sequence[Report] = ()
        self.error: Exception | None = None

    def follow(
        self, address: HostAddress, run: HostRun, *, seen: Seen, report: ReportTo
    ) -> Outcome:
        report(self.reports)
        if self.error is not None:
            raise self.error
        return Finished()

    def probe(self, address: HostAddress) -> Outcome:
        return Finished()

    def close(self) -> None:
        """Nothing is held."""


@dataclass
class World:
    """A whole system in this process, with one host."""

    store: Store
    clock: FakeClock
    broker: FakeBroker
    hosts: OddHosts
    worker: FakeWorker
    shop: Shop
    bundle: Path
    errors: list[Exception] = field(default_factory=list)

    def go_on(self, seconds: int) -> None:
        """Let time go by, and everything happen that is due."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.worker.show_life()
            self._perform(SWEEPS)
            while self.broker.queue:
                self._perform(self.broker.queue.pop(0))

    def _perform(self, message: Message) -> None:
        try:
            self.worker.perform(message)
        except Exception as error:  # noqa: BLE001 - as the base of all tasks does
            self.errors.append(error)


class AbsentArtifacts(FakeArtifacts):
    """The artifact store of a world, which does not answer before a moment."""

    def __init__(self, world: World, *, until: datetime) -> None:
        super().__init__(world.bundle)
        self.asked = 0
        self.answered = False
        self._clock, self._until = world.clock, until
        world.worker.runs.artifacts = self

    def fetch(self, sha256: str, into: Path) -> Path:
        self.asked += 1
        if self._clock.now() < self._until:
            raise StoreUnavailable("The bucket does not answer.")
        self.answered = True
        return super().fetch(sha256, into)


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    engine = connect(database_url)
    clock, broker, hosts = FakeClock(), FakeBroker(), OddHosts()
    store = Store(engine, sender=broker, clock=clock, ids=RandomIds())
    bundle = tmp_path / "bundle"
    bundle.write_bytes(b"x")
    worker = FakeWorker(
        "worker-1",
        store=store,
        broker=broker,
        hosts=hosts,
        artifacts=FakeArtifacts(bundle),
        settings=Settings(data_dir=tmp_path),
    )
    yield World(store, clock, broker, hosts, worker, Shop.with_hosts(store, ["web-1"]), bundle)
    engine.dispose()


def ended(**words: object) -> Fact:
    body = {"fact": "event", "name": "ApplicationStop", "status": "Failed", "at": 1.0, **words}
    return Fact(10, body)


@pytest.mark.parametrize(
    "fact",
    [
        ended(message="a zero byte \0 and half a character \ud800", script="\0"),
        ended(error_code="NobodyKnows"),
        ended(exit_code=1 << 40),
        ended(status="Perhaps"),
    ],
    ids=["text", "error code", "exit code", "status"],
)
def test_a_report_that_cannot_be_written_does_not_keep_a_deployment(world: World, fact: Fact):
    world.hosts.reports = [fact]
    id_ = world.shop.deploy("1")

    world.go_on(40)

    assert world.shop.deployment(id_).status is DeploymentStatus.FAILED, world.errors
    assert world.shop.statuses(id_) == {"web-1": "Failed"}


def test_a_driver_that_always_fails_does_not_keep_a_deployment(world: World):
    world.hosts.error = ValueError("as ever, with a secret in it")
    id_ = world.shop.deploy("1")

    world.go_on(40)

    assert world.shop.deployment(id_).status is DeploymentStatus.FAILED
    with world.store.read() as uow:
        target = uow.targets.page(id_)[0]
    assert "ValueError" in target.message
    assert "secret" not in target.message


def test_an_artifact_store_that_is_away_for_a_while_fails_nobody(world: World):
    artifacts = AbsentArtifacts(world, until=world.clock.now() + timedelta(seconds=90))
    id_ = world.shop.deploy("1")
    world.go_on(80)
    assert world.shop.deployment(id_).status is DeploymentStatus.IN_PROGRESS
    assert artifacts.asked > 1

    world.go_on(100)

    assert artifacts.answered
    assert not world.errors


def test_an_artifact_store_that_stays_away_ends_the_deployment(world: World):
    artifacts = AbsentArtifacts(world, until=world.clock.now() + timedelta(days=1))
    id_ = world.shop.deploy("1")

    world.go_on(300)

    assert world.shop.deployment(id_).status is DeploymentStatus.FAILED
    with world.store.read() as uow:
        assert "The bucket does not answer." in uow.targets.page(id_)[0].message
    assert artifacts.asked == 5


def deploy_from_afar(world: World) -> str:
    source = Source(type=SourceType.HTTP, sha256="0" * 64, url="http://bundles.test/1.zip")
    world.shop.revision("1", source=source, is_known=False)
    return world.shop.deploy("1")


@pytest.mark.parametrize(
    ("error", "within"),
    [
        (FetchFailed("It says \0 and \ud800."), 10),
        (PermissionError(13, "Permission denied"), 180),
        (RuntimeError("as ever"), 13 * 3600),
    ],
    ids=["refused with odd words", "store not usable", "unforeseen"],
)
def test_a_bundle_that_is_never_there_ends_the_deployment(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, within: int
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tidegate.drivers.bundles.locations.fetch_location", fail)
    id_ = deploy_from_afar(world)

    for _ in range(20):
        world.clock.advance(timedelta(seconds=within / 20))
        world.go_on(2)

    assert world.shop.deployment(id_).status is DeploymentStatus.FAILED, world.errors[:2]
