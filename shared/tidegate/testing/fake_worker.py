"""A worker in this process: performs messages as the Celery tasks do."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from tidegate.domain.errors import NotFound
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.notices import Channel
from tidegate.drivers.alarms import cloudwatch_alarms, prometheus_checks
from tidegate.drivers.bundles import Artifact, ArtifactStore
from tidegate.drivers.hosts import HostDriver
from tidegate.drivers.instances import InstanceSource
from tidegate.drivers.notices import NoticeSender, notice_sender
from tidegate.drivers.traffic import TrafficDriver
from tidegate.engine.advance import advance_deployment
from tidegate.engine.alarms import AlarmPolling
from tidegate.engine.bundles import fetch_bundle
from tidegate.engine.finding import InstanceFinding
from tidegate.engine.host_runs import HostRuns
from tidegate.engine.looking import InstanceLooks
from tidegate.engine.notices import NoticeSending
from tidegate.engine.retention import prune
from tidegate.engine.step_runs import HookCaller, StepRuns
from tidegate.engine.sweep import sweep
from tidegate.engine.targets import complete_target
from tidegate.messages import (
    ADVANCE,
    CARRY_OUT,
    COMPLETE,
    COMPLETE_STEP,
    FETCH_BUNDLE,
    FIND_INSTANCES,
    LOOK_AT_INSTANCES,
    LOOK_BACK,
    POLL_ALARMS,
    PRUNE,
    RUN_HOOKS,
    SEND_NOTICES,
    SWEEP,
)
from tidegate.settings import Settings
from tidegate.store.health import WORKER_KINDS
from tidegate.store.outbox import Message
from tidegate.store.together import InTurns, Together
from tidegate.store.unit_of_work import Store
from tidegate.testing.fake_broker import FakeBroker
from tidegate.testing.fake_instances import FakeInstances
from tidegate.testing.fake_traffic import FakeHooks, FakeTraffic

LEASE: Final = timedelta(seconds=15)


class FakeWorker:
    """One worker process with its own name, heart and runs."""

    def __init__(
        self,
        name: str,
        *,
        store: Store,
        broker: FakeBroker,
        hosts: HostDriver,
        artifacts: ArtifactStore,
        settings: Settings,
        together: Together | None = None,
        sender: Callable[[Channel], NoticeSender] = notice_sender,
        traffic: TrafficDriver | None = None,
        hooks: HookCaller | None = None,
        instances: InstanceSource | None = None,
    ) -> None:
        self.name = name
        self.store = store
        self.together = together or InTurns(store)
        self.broker = broker
        self.artifacts = artifacts
        self.settings = settings
        self.notices = NoticeSending(store=store, sender=sender)
        self.runs = HostRuns(
            store=store,
            together=self.together,
            driver=lambda _: hosts,
            artifacts=artifacts,
            settings=settings,
            owner=name,
        )
        self.steps = self._steps(traffic or FakeTraffic(store.clock), hooks or FakeHooks())
        self.alarms = AlarmPolling(
            store=store,
            assume_role=False,
            cloudwatch=cloudwatch_alarms,
            prometheus=lambda: prometheus_checks(""),
        )
        self.finding, self.looks = self._instances(instances or FakeInstances())

    def _instances(self, source: InstanceSource) -> tuple[InstanceFinding, InstanceLooks]:
        store = self.store
        return (
            InstanceFinding(store=store, source=lambda: source, assume_role=False),
            InstanceLooks(store=store, source=lambda: source, assume_role=False),
        )

    def _steps(self, traffic: TrafficDriver, hooks: HookCaller) -> StepRuns:
        return StepRuns(
            store=self.store,
            driver=lambda _: traffic,
            call_hook=hooks,
            attending=self.runs.attending,
            is_leaving=lambda: self.runs.is_leaving,
            owner=self.name,
        )

    def show_life(self) -> None:
        """Do what the heart of a worker does every two seconds."""
        with self.store.write() as uow:
            uow.heartbeats.beat(self.name, WORKER_KINDS["hosts"], uow.now())
        self.runs.keep_alive()

    def perform(self, message: Message) -> bool:
        """Perform the first link of a chain; tell whether the rest was passed on."""
        try:
            goes_on = self._task(message.links[0])(message)
        except NotFound:
            goes_on = False
        if goes_on:
            self.broker.go_on(message)
        return goes_on

    def _task(self, name: str) -> Callable[[Message], bool]:
        return {
            ADVANCE: self._advance,
            FETCH_BUNDLE: self._fetch,
            FIND_INSTANCES: self._find_instances,
            LOOK_AT_INSTANCES: self._look_at_instances,
            RUN_HOOKS: lambda m: self.runs.run(*_target(m)),
            LOOK_BACK: self._look_back,
            CARRY_OUT: lambda m: self.steps.run(*_target(m)),
            COMPLETE_STEP: self._complete_step,
            COMPLETE: self._complete,
            POLL_ALARMS: self._poll_alarms,
            SEND_NOTICES: self._send_notices,
            SWEEP: self._sweep,
            PRUNE: self._prune,
        }[name]

    def _advance(self, message: Message) -> bool:
        advance_deployment(DeploymentId(message.arguments["deployment_id"]), store=self.store)
        return True

    def _fetch(self, message: Message) -> bool:
        fetch_bundle(
            DeploymentId(message.arguments["deployment_id"]),
            store=self.store,
            artifacts=self.artifacts,
            settings=self.settings,
        )
        return True

    def _find_instances(self, message: Message) -> bool:
        self.finding.find(DeploymentId(message.arguments["deployment_id"]))
        return True

    def _look_at_instances(self, _message: Message) -> bool:
        self.looks.look()
        return True

    def _look_back(self, message: Message) -> bool:
        self.runs.look_back(*_target(message))
        return True

    def _complete(self, message: Message) -> bool:
        key = _target(message)
        self.together(lambda uow: complete_target(*key, uow=uow), key=key)
        return True

    def _complete_step(self, message: Message) -> bool:
        advance_deployment(_target(message)[0], store=self.store)
        return True

    def _poll_alarms(self, _message: Message) -> bool:
        self.alarms.poll()
        return True

    def _send_notices(self, _message: Message) -> bool:
        self.notices.send_due()
        return True

    def _sweep(self, _message: Message) -> bool:
        sweep(store=self.store, lease=LEASE)
        return True

    def _prune(self, _message: Message) -> bool:
        prune(store=self.store, artifacts=self.artifacts, keep=timedelta(days=90))
        return True


def _target(message: Message) -> tuple[DeploymentId, TargetId]:
    arguments = message.arguments
    return DeploymentId(arguments["deployment_id"]), TargetId(arguments["target"])


class FakeArtifacts:
    """An artifact store whose every bundle is the same small file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def check(self) -> None:
        """Be there."""

    def put(self, chunks: Iterable[bytes], *, limit: int) -> Artifact:
        raise NotImplementedError

    def fetch(self, sha256: str, into: Path) -> Path:  # noqa: ARG002
        return self._file

    def find(self, sha256: str) -> Artifact | None:
        return Artifact(sha256, self._file.stat().st_size)

    def has(self, sha256: str) -> bool:  # noqa: ARG002
        return True

    def delete(self, sha256: str) -> None:
        """Keep it: there is nothing to free."""

    def list(self) -> Iterator[Artifact]:
        yield from ()

    def drop_leftovers(self, *, now: datetime) -> int:  # noqa: ARG002
        return 0
