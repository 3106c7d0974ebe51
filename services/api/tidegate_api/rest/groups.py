"""`/v1/applications/{application}/deployment-groups`."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field, StrictBool

from tidegate.domain.access import Role
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.errors import Invalid
from tidegate.domain.group import DeploymentSummary, Group, HostOptions, OnStop, WorkingDirectory
from tidegate.engine.groups import GroupRequest, create_group, delete_group, replace_group
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.alarms import AlarmsIn, AlarmsOut
from tidegate_api.rest.hosts import SshIn, SsmIn
from tidegate_api.rest.instances import Ec2In, Ec2Out
from tidegate_api.rest.moves import PairOut
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.services import (
    EcsServiceOut,
    ReadyWaitOut,
    ServiceFieldsIn,
    TerminationWaitOut,
    service_fields,
)
from tidegate_api.rest.shapes import Cursor, In, Limit, Page, RollbackIn, RollbackOut
from tidegate_api.rest.tag_filters import TagFilterIn, TagFilterOut, set_of, shown_set

router: Final = APIRouter(
    prefix="/applications/{application}/deployment-groups", tags=["deployment groups"]
)


class HostOptionsIn(In):
    """How deployments are carried out on the hosts."""

    working_directory: WorkingDirectory = WorkingDirectory.ROOT
    """Where scripts are run: `/`, or `archive`, the folder of the unpacked revision."""
    sudo: StrictBool = False
    """Log in as an ordinary user, and run everything as root by `sudo -n`."""
    allow_setid: StrictBool = False
    """Keep set-id bits of files in a bundle; those of `permissions` are always set."""
    on_stop: OnStop = OnStop.FINISH
    """What becomes of a script that runs: `finish` lets it end, `end` ends it."""
    max_revisions: Annotated[int, Field(ge=-1_000_000, le=1_000_000, strict=True)] = 5
    """How many revisions a host keeps, 1 to 100."""

    def value(self) -> HostOptions:
        return HostOptions(**self.model_dump())


class GroupSshIn(SshIn):
    """How the hosts of a group are reached over SSH."""

    host_key: str | None = None
    """`@cert-authority` and the key of who signs the keys of all hosts, as in known_hosts."""


class GroupReplaceIn(ServiceFieldsIn):
    name: str | None = None
    """May be left out; a deployment group keeps its name."""
    deployment_config: str | None = None
    """Null stands for CodeDeploy's default, OneAtATime for servers."""
    tag_filters: list[list[TagFilterIn]] = Field(default_factory=list)
    """Lists of conditions: a host must meet at least one of each list."""
    hosts: list[str] = Field(default_factory=list)
    auto_rollback: RollbackIn = Field(default=RollbackIn(enabled=False))
    ssh: GroupSshIn = GroupSshIn()
    """For hosts that do not say it themselves."""
    ssm: SsmIn = SsmIn()
    """Likewise, for hosts over SSM."""
    variables: dict[str, str] = Field(default_factory=dict)
    """Environment of hooks; a host's own variables win."""
    host_options: HostOptionsIn = HostOptionsIn()
    ec2: Ec2In | None = None
    """EC2 instances; what is left out stays as it is, `{}` takes all of them away."""
    alarms: AlarmsIn | None = None
    """What is left out stays as it is; `{"enabled": false}` takes all of them away."""
    service_role_arn: str | None = None
    """By which AWS is called, where the service is set up so; an empty one takes it away."""

    def request(self) -> GroupRequest:
        return GroupRequest(
            config_name=self.deployment_config,
            tag_set=set_of(self.tag_filters),
            hosts=tuple(self.hosts),
            auto_rollback=self.auto_rollback.value(),
            ssh=self.ssh.model_dump(exclude_none=True),
            ssm=self.ssm.model_dump(exclude_none=True),
            variables=self.variables,
            host_options=self.host_options.value(),
            ec2=None if self.ec2 is None else self.ec2.request(),
            alarms=None if self.alarms is None else self.alarms.value(),
            service_role_arn=self.service_role_arn,
            service=self.service_request(),
        )


class GroupIn(GroupReplaceIn):
    name: str


class SummaryOut(BaseModel):
    id: str
    status: DeploymentStatus
    created_at: datetime
    completed_at: datetime | None

    @classmethod
    def of(cls, summary: DeploymentSummary) -> "SummaryOut":
        return cls(
            id=summary.deployment_id,
            status=summary.status,
            created_at=summary.created_at,
            completed_at=summary.completed_at,
        )


class SshOut(BaseModel):
    user: str | None = None
    port: int | None = None
    identity: str | None = None
    proxy_jump: str | None = None
    proxy_host_key: str | None = None
    state_dir: str | None = None
    host_key: str | None = None


class SsmOut(BaseModel):
    region: str | None = None
    state_dir: str | None = None
    bundles: Literal["presigned", "host"] | None = None
    output_bucket: str | None = None
    output_prefix: str | None = None


class HostOptionsOut(BaseModel):
    working_directory: WorkingDirectory
    sudo: bool
    allow_setid: bool
    on_stop: OnStop
    max_revisions: int


class GroupOut(BaseModel):
    id: str
    name: str
    application: str
    deployment_config: str
    tag_filters: list[list[TagFilterOut]]
    hosts: list[str]
    auto_rollback: RollbackOut
    ssh: SshOut
    ssm: SsmOut
    variables: dict[str, str]
    host_options: HostOptionsOut
    ec2: Ec2Out
    alarms: AlarmsOut
    service_role_arn: str | None
    ecs_service: EcsServiceOut | None
    target_group_pairs: list[PairOut]
    ready_wait: ReadyWaitOut | None
    termination_wait: TerminationWaitOut | None
    target_revision: str | None
    """Revision of the last successful deployment."""
    active_deployment: str | None
    last_attempted_deployment: SummaryOut | None
    last_successful_deployment: SummaryOut | None
    created_at: datetime

    @classmethod
    def of(cls, group: Group) -> "GroupOut":
        attempted, successful = group.last_attempted, group.last_successful
        ssh: dict[str, Any] = dict(group.ssh)
        ssm: dict[str, Any] = dict(group.ssm)
        return cls(
            id=group.id,
            name=group.name,
            application=group.application,
            deployment_config=group.config_name,
            tag_filters=shown_set(group.tag_set),
            hosts=list(group.hosts),
            auto_rollback=RollbackOut.of(group.auto_rollback),
            ssh=SshOut(**ssh),
            ssm=SsmOut(**ssm),
            variables=dict(group.variables),
            host_options=HostOptionsOut(**asdict(group.host_options)),
            ec2=Ec2Out.of(group),
            alarms=AlarmsOut.of(group.aws.alarms),
            service_role_arn=group.aws.service_role_arn or None,
            **service_fields(group.aws),
            target_revision=group.target_revision_id,
            active_deployment=group.active_deployment_id,
            last_attempted_deployment=attempted and SummaryOut.of(attempted),
            last_successful_deployment=successful and SummaryOut.of(successful),
            created_at=group.created_at,
        )


@router.post(
    "",
    status_code=201,
    summary="Create a deployment group",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def create(application: str, body: GroupIn, parts: TheParts, response: Response) -> GroupOut:
    with parts.store.write() as uow:
        group = create_group(application, body.name, body.request(), uow=uow)
    response.headers["Location"] = f"/v1/applications/{application}/deployment-groups/{group.name}"
    return GroupOut.of(group)


@router.get(
    "", summary="List deployment groups by name", dependencies=[Depends(needs(Role.VIEWER))]
)
def list_(
    application: str, parts: TheParts, limit: Limit = 100, cursor: Cursor = None
) -> Page[GroupOut]:
    after = read_name(cursor)
    with parts.store.read() as uow:
        owner = uow.catalog.application(application)
        found = uow.catalog.groups_page(owner.id, limit=limit + 1, after=after)
    return page_of(found, limit, key=lambda one: [one.name], shape=GroupOut.of)


@router.get(
    "/{group}", summary="Show a deployment group", dependencies=[Depends(needs(Role.VIEWER))]
)
def show(application: str, group: str, parts: TheParts) -> GroupOut:
    with parts.store.read() as uow:
        uow.catalog.application(application)
        return GroupOut.of(uow.catalog.group(application, group))


@router.put(
    "/{group}",
    summary="Replace a deployment group; an active deployment goes on as it began",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def put(application: str, group: str, body: GroupReplaceIn, parts: TheParts) -> GroupOut:
    if body.name not in {None, group}:
        raise Invalid(
            f"A deployment group keeps its name; this one is {group!r}, not {body.name!r}."
        )
    with parts.store.write() as uow:
        return GroupOut.of(replace_group(application, group, body.request(), uow=uow))


@router.delete(
    "/{group}",
    status_code=204,
    summary="Delete a deployment group; history stays",
    dependencies=[Depends(needs(Role.ADMIN))],
)
def delete(application: str, group: str, parts: TheParts) -> None:
    with parts.store.write() as uow:
        delete_group(application, group, uow=uow)
