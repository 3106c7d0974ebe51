"""What the tasks of one process share, made once when it starts."""

import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property, partial
from typing import Final

from tidegate.clock import SystemClock
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.ids import RandomIds
from tidegate.domain.notices import Channel
from tidegate.drivers.alarms import cloudwatch_alarms, prometheus_checks
from tidegate.drivers.bundles import ArtifactStore, artifact_store
from tidegate.drivers.hosts import HostDriver, host_driver
from tidegate.drivers.hosts.ssm_batches import SsmPace
from tidegate.drivers.instances import InstanceSource, aws_instances
from tidegate.drivers.notices import NoticeSender, notice_sender
from tidegate.drivers.traffic import TrafficDriver, traffic_driver
from tidegate.drivers.traffic.hooks import Hooks
from tidegate.engine.alarms import JUST_READ, AlarmPolling
from tidegate.engine.finding import InstanceFinding
from tidegate.engine.host_runs import HostRuns
from tidegate.engine.looking import InstanceLooks
from tidegate.engine.notices import NoticeSending
from tidegate.engine.ssm_desk import RowDesk, RowTurns
from tidegate.engine.step_runs import FRESH, StepRuns
from tidegate.engine.store_watch import StoreWatch
from tidegate.messages import CelerySender
from tidegate.settings import Settings
from tidegate.store.database import connect
from tidegate.store.together import InTurns
from tidegate.store.unit_of_work import Store
from tidegate_workers.app import app, settings

POOL: Final = 10
"""Database connections that one worker keeps; its threads wait for hosts, not for rows."""


@dataclass
class Runtime:
    """Store, drivers and runs of this worker process."""

    settings: Settings
    owner: str
    _drivers: dict[str, HostDriver] = field(default_factory=dict)
    traffic: dict[ComputePlatform, TrafficDriver] = field(default_factory=dict)
    """What moves traffic, made when it is first wanted; who measures hands in what only records."""
    _senders: dict[Channel, NoticeSender] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def store(self) -> Store:
        """Return the store, connected at its first use."""
        return self._connected(POOL)

    @cached_property
    def together(self) -> InTurns:
        """Return what lets the threads of this process write to the store together."""
        return InTurns(self.store)

    @cached_property
    def pulse(self) -> Store:
        """Return a store for the heartbeat: it must not queue behind all that follow hosts."""
        if self.settings.database.startswith("sqlite"):
            return self.store  # whose writers wait in line anyway, whatever their connection
        return self._connected(1)

    @cached_property
    def artifacts(self) -> ArtifactStore:
        """Return the artifact store."""
        return artifact_store(self.settings.artifacts, reserve=self.settings.disk_reserve_bytes)

    @cached_property
    def watch(self) -> StoreWatch:
        """Return what knows whether this process reaches the artifact store."""
        return StoreWatch(self.artifacts.check)

    @cached_property
    def runs(self) -> HostRuns:
        """Return the runs that this process follows."""
        return HostRuns(
            store=self.store,
            together=self.together,
            driver=self.driver,
            artifacts=self.artifacts,
            settings=self.settings,
            owner=self.owner,
        )

    @cached_property
    def steps(self) -> StepRuns:
        """Return the steps that this process carries out."""
        return StepRuns(
            store=self.store,
            driver=self.traffic_driver,
            call_hook=partial(
                Hooks(assume_role=self.settings.assume_service_role).call_hook,
                key=self.settings.webhook_secret.get_secret_value(),
            ),
            attending=self.runs.attending,
            is_leaving=lambda: self.runs.is_leaving,
            owner=self.owner,
            fresh=min(FRESH, self.lease / 2),
        )

    @cached_property
    def alarms(self) -> AlarmPolling:
        """Return what reads alarms."""
        settings = self.settings
        return AlarmPolling(
            store=self.store,
            assume_role=settings.assume_service_role,
            cloudwatch=cache(lambda: cloudwatch_alarms(assume_role=settings.assume_service_role)),
            prometheus=cache(
                lambda: prometheus_checks(
                    settings.prometheus_url, token=settings.prometheus_token.get_secret_value()
                )
            ),
            just_read=JUST_READ,
        )

    @cached_property
    def instances(self) -> InstanceSource:
        """Return what tells of EC2 instances."""
        return aws_instances(assume_role=self.settings.assume_service_role)

    @cached_property
    def finding(self) -> InstanceFinding:
        """Return what finds the instances of deployments."""
        return InstanceFinding(
            store=self.store,
            source=lambda: self.instances,
            assume_role=self.settings.assume_service_role,
        )

    @cached_property
    def looks(self) -> InstanceLooks:
        """Return what looks at the instances of deployments."""
        return InstanceLooks(
            store=self.store,
            source=lambda: self.instances,
            assume_role=self.settings.assume_service_role,
        )

    @cached_property
    def notices(self) -> NoticeSending:
        """Return what sends notices."""
        return NoticeSending(
            store=self.store, sender=self.notice_sender, is_leaving=lambda: self.runs.is_leaving
        )

    @property
    def lease(self) -> timedelta:
        """Return how long a worker may show no life."""
        return timedelta(seconds=self.settings.lease_seconds)

    def traffic_driver(self, platform: ComputePlatform) -> TrafficDriver:
        """Return the one driver of a platform in this process."""
        with self._lock:
            if platform not in self.traffic:
                assume = self.settings.assume_service_role
                self.traffic[platform] = traffic_driver(platform, assume_role=assume)
            return self.traffic[platform]

    def notice_sender(self, channel: Channel) -> NoticeSender:
        """Return the one sender of a channel in this process."""
        with self._lock:
            if channel not in self._senders:
                self._senders[channel] = notice_sender(
                    channel,
                    source=self.settings.event_source,
                    assume_role=self.settings.assume_service_role,
                )
            return self._senders[channel]

    def driver(self, name: str) -> HostDriver:
        """Return the one driver of that name in this process.

        Raises:
            NoSuchDriver: None of that name is installed.
        """
        with self._lock:
            if name not in self._drivers:
                self._drivers[name] = self._make(name)
            return self._drivers[name]

    def _connected(self, pool_size: int) -> Store:
        return Store(
            connect(self.settings.database, pool_size=pool_size),
            sender=CelerySender(app),
            clock=SystemClock(),
            ids=RandomIds(),
            notices=self.settings.notices,
            minute=self.settings.minute,
            pause_limit=self.settings.pause_limit,
        )

    def _make(self, name: str) -> HostDriver:
        make: Callable[..., HostDriver] = host_driver(name)
        return make(**self._options.get(name, {}))

    @property
    def _options(self) -> Mapping[str, Mapping[str, object]]:
        return {
            "ssm": {
                "region": self.settings.region,
                "exchange": self.settings.ssm_exchange,
                "artifacts": self.settings.artifacts,
                "assume_role": self.settings.assume_service_role,
                "pace": SsmPace(
                    sends_per_second=self.settings.ssm_sends_per_second,
                    reads_per_second=self.settings.ssm_reads_per_second,
                    lost_after=self.settings.ssm_lost_after,
                    tick=0.5,
                ),
                "turns": RowTurns(self.store),
                "desk": partial(RowDesk, self.store),
            },
            "ssh": {
                "connect_timeout": self.settings.ssh_connect_timeout,
                "login_timeout": self.settings.ssh_login_timeout,
                "max_connects": self.settings.ssh_max_connects,
                "lost_after": self.settings.host_lost_after,
            },
        }

    def close(self) -> None:
        """Close every driver."""
        for driver in self._drivers.values():
            driver.close()


def _name_of_this_process() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{os.urandom(3).hex()}"


runtime: Final = Runtime(settings=settings, owner=_name_of_this_process())
