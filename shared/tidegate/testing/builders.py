"""Values and rows with telling defaults, for tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import (
    AutoRollback,
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentMode,
    DeploymentOptions,
    DeploymentStatus,
    RollbackEvent,
)
from tidegate.domain.ec2 import Ec2Options
from tidegate.domain.group import Group, HostOptions
from tidegate.domain.host import Host, Registration
from tidegate.domain.ids import (
    ApplicationId,
    DeploymentId,
    GroupId,
    HostId,
    RevisionId,
    TargetId,
    revision_id,
)
from tidegate.domain.region import DEFAULT_REGION
from tidegate.domain.revision import Revision, Source, SourceType
from tidegate.domain.tag_filters import TagSet
from tidegate.engine.deployments import DeploymentRequest, create_deployment
from tidegate.store.unit_of_work import Store
from tidegate.testing.clock import START

_APPLICATION: Final = ApplicationId("app-1")
_GROUP: Final = GroupId("group-1")
ON_FAILURE = AutoRollback(enabled=True, events=(RollbackEvent.FAILURE,))
ON_STOP = AutoRollback(enabled=True, events=(RollbackEvent.REQUEST,))


def a_deployment(**changes: object) -> Deployment:
    """Return a deployment that runs, changed as asked."""
    facts: dict[str, object] = {
        "id": DeploymentId("d-AAAAAAAAA"),
        "region": DEFAULT_REGION,
        "application_id": ApplicationId("app-1"),
        "application": "shop",
        "group_id": GroupId("group-1"),
        "group": "prod",
        "compute_platform": ComputePlatform.SERVER,
        "revision_id": RevisionId("r-2"),
        "previous_revision_id": RevisionId("r-1"),
        "config_name": "CodeDeployDefault.OneAtATime",
        "creator": Creator.USER,
        "options": DeploymentOptions(),
        "auto_rollback": AutoRollback(),
        "status": DeploymentStatus.IN_PROGRESS,
        "version": 1,
        "created_at": START,
    }
    return Deployment(**{**facts, **changes})  # type: ignore[arg-type]


def a_host(name: str, *, at: datetime) -> Host:
    """Return a host that the fake driver reaches."""
    return Host(
        id=HostId(f"id-of-{name}"),
        name=name,
        driver="fake",
        settings={},
        registration=Registration(suffix="AAAAAAAAAA", registered_at=at),
        created_at=at,
    )


@dataclass(slots=True)
class Shop:
    """An application with one group of hosts, in a store."""

    store: Store
    application_id: ApplicationId = _APPLICATION
    group_id: GroupId = _GROUP
    revisions: dict[str, RevisionId] = field(default_factory=dict)

    @classmethod
    def with_hosts(
        cls,
        store: Store,
        names: Sequence[str],
        *,
        config: str = "CodeDeployDefault.OneAtATime",
        auto_rollback: AutoRollback | None = None,
        tag_set: TagSet = (),
        platform: ComputePlatform = ComputePlatform.SERVER,
        host_options: HostOptions | None = None,
        aws: AwsGroup | None = None,
        ec2: Ec2Options | None = None,
    ) -> "Shop":
        """Write application `shop`, its group `prod` and the hosts."""
        shop = cls(store)
        with store.write() as uow:
            now = uow.now()
            uow.catalog.add_application(shop.application_id, "shop", platform, at=now)
            for name in names:
                uow.catalog.add_host(a_host(name, at=now))
            group = Group(
                id=shop.group_id,
                application_id=shop.application_id,
                application="shop",
                compute_platform=platform,
                name="prod",
                config_name=config,
                hosts=() if tag_set else tuple(names),
                tag_set=tag_set,
                auto_rollback=auto_rollback or AutoRollback(),
                host_options=host_options or HostOptions(),
                aws=aws or AwsGroup(),
                ec2=ec2 or Ec2Options(),
                created_at=now,
            )
            uow.catalog.add_group(group)
        return shop

    def revision(
        self,
        name: str,
        *,
        appspec: Mapping[str, object] | None = None,
        source: Source | None = None,
        is_known: bool = True,
    ) -> RevisionId:
        """Write a revision; one that is not *is_known* has to be fetched first."""
        source = source or Source(
            type=SourceType.ARTIFACT, sha256=name.encode().hex().ljust(64, "0")
        )
        wanted = revision_id(self.application_id, source.identity)
        with self.store.write() as uow:
            revision = Revision(
                id=wanted,
                application_id=self.application_id,
                application="shop",
                source=source,
                size=1 if is_known else None,
                bundle_type="zip" if is_known else None,
                appspec=(appspec or {"hooks": {}}) if is_known else None,
                registered_at=uow.now(),
            )
            uow.catalog.add_revision(revision)
        self.revisions[name] = wanted
        return wanted

    def deploy(self, revision: str, **request: object) -> DeploymentId:
        """Create a deployment of the revision of that name, which is written if it is new."""
        wanted = self.revisions.get(revision) or self.revision(revision)
        return self._create(revision_id=wanted, **request)

    def restart(self, **options: object) -> DeploymentId:
        """Create a deployment that restarts what is installed."""
        wanted = DeploymentOptions(deployment_mode=DeploymentMode.RESTART, **options)  # type: ignore[arg-type]
        return self._create(options=wanted)

    def _create(self, **request: object) -> DeploymentId:
        wanted = DeploymentRequest(application="shop", group="prod", **request)  # type: ignore[arg-type]
        with self.store.write() as uow:
            return create_deployment(wanted, uow=uow, actor="tester").id

    def deployment(self, deployment_id: str) -> Deployment:
        """Return a deployment as it stands, with its overview."""
        with self.store.read() as uow:
            return uow.deployments.get(DeploymentId(deployment_id))

    def statuses(self, deployment_id: str) -> dict[str, str]:
        """Return the status of every target."""
        with self.store.read() as uow:
            targets = uow.targets.page(DeploymentId(deployment_id), limit=10_000)
        return {target.id: target.status.value for target in targets}

    def events(self, deployment_id: str, target: str) -> dict[str, str]:
        """Return the status of every lifecycle event of a target."""
        with self.store.read() as uow:
            found = uow.targets.get(DeploymentId(deployment_id), TargetId(target))
        return {event.name: event.status.value for event in found.events}
