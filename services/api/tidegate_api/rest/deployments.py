"""`/v1/deployments`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from tidegate.domain.access import Role
from tidegate.domain.deployment import (
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentMode,
    DeploymentOptions,
    DeploymentStatus,
    ErrorCode,
    FileExistsBehavior,
)
from tidegate.domain.errors import ApplicationNotFound
from tidegate.domain.ids import ApplicationId, DeploymentId, RevisionId
from tidegate.domain.target import TargetStatus
from tidegate.engine.deployments import DeploymentRequest, create_deployment, stop_deployment
from tidegate.engine.outlook import next_of
from tidegate.store.deployment_lists import Wanted
from tidegate.store.unit_of_work import UnitOfWork
from tidegate_api.auth import Deployer, needs
from tidegate_api.parts import TheParts
from tidegate_api.problems import Problem
from tidegate_api.rest.alarms import AlarmOut, AlarmsIn, AlarmsOut, alarms_of
from tidegate_api.rest.paging import page_of, read_moment
from tidegate_api.rest.shapes import Cursor, In, Limit, Page, Reason, RollbackIn, RollbackOut

router: Final = APIRouter(prefix="/deployments", tags=["deployments"])


_NOBODY: Final = ApplicationId("")
Statuses = Annotated[Sequence[DeploymentStatus], Query(description="May be repeated.")]


class DeploymentIn(In):
    application: str
    deployment_group: str
    revision: str
    description: str = ""
    deployment_config: str | None = None
    """Instead of the group's."""
    ignore_application_stop_failures: bool = False
    file_exists_behavior: FileExistsBehavior | None = None
    update_outdated_only: bool = False
    auto_rollback: RollbackIn | None = None
    """Instead of the group's."""
    override_alarms: AlarmsIn | None = None
    """Instead of all of the group's; `{"enabled": false}` looks at none."""

    def request(self) -> DeploymentRequest:
        return DeploymentRequest(
            application=self.application,
            group=self.deployment_group,
            revision_id=RevisionId(self.revision),
            config_name=self.deployment_config,
            options=DeploymentOptions(
                description=self.description,
                ignore_application_stop_failures=self.ignore_application_stop_failures,
                file_exists_behavior=self.file_exists_behavior or FileExistsBehavior.DISALLOW,
                update_outdated_only=self.update_outdated_only,
                override_alarms=None
                if self.override_alarms is None
                else self.override_alarms.value(),
            ),
            names_file_behavior=self.file_exists_behavior is not None,
            auto_rollback=None if self.auto_rollback is None else self.auto_rollback.value(),
        )


class StopIn(In):
    rollback: bool | None = None
    """True or false settle it; null leaves it to what the deployment was created with."""
    reason: Reason = ""
    """Why; its history says so, and who."""


class ErrorOut(BaseModel):
    code: ErrorCode
    message: str


class RollbackInfoOut(BaseModel):
    rollback_deployment_id: str | None
    """The deployment that rolls this one back."""
    rollback_triggering_deployment_id: str | None
    """The deployment that this one rolls back."""
    message: str


class FollowUpOut(BaseModel):
    root_deployment_id: str | None
    """The deployment that this one follows, for instances that were launched during it."""
    follow_up_deployment_id: str | None
    """The deployment that follows this one."""


class NextOut(BaseModel):
    what: str
    """One sentence."""
    at: datetime | None
    """When, or until when at the latest; null stands for as soon as it can."""


class DeploymentOut(BaseModel):
    id: str
    application: str
    deployment_group: str
    status: DeploymentStatus
    revision: str
    previous_revision: str | None
    deployment_config: str
    description: str
    creator: Creator
    compute_platform: ComputePlatform
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error: ErrorOut | None
    overview: dict[str, int]
    """Number of targets by status."""
    minimum_healthy: int | None
    rollback: RollbackInfoOut | None
    auto_rollback: RollbackOut
    ignore_application_stop_failures: bool
    file_exists_behavior: FileExistsBehavior
    update_outdated_only: bool
    deployment_mode: DeploymentMode
    status_messages: list[str]
    """What else there is to say of how it stands."""
    paused_at: datetime | None
    """Since when no step of it begins; null if it is not paused."""
    override_alarms: AlarmsOut | None
    """What was said instead of the group's alarms."""
    alarms: list[AlarmOut] | None = None
    """What is watched, and how it was found; null in lists."""
    follow_up: FollowUpOut | None = None
    """Deployments for instances that Auto Scaling launched meanwhile; null in lists."""
    next: NextOut | None = None
    """What happens next; null in lists, of what is final, and of servers that are under way."""

    @classmethod
    def whole(cls, deployment: Deployment, uow: UnitOfWork) -> "DeploymentOut":
        """Return a deployment with its alarms and what happens next."""
        coming = next_of(deployment, uow)
        shown = cls.of(deployment)
        shown.alarms = alarms_of(deployment, uow)
        if related := uow.searches.related([deployment.id]).get(deployment.id):
            shown.follow_up = FollowUpOut(
                root_deployment_id=related.root, follow_up_deployment_id=related.follow_up
            )
        if coming is not None:
            shown.next = NextOut(what=coming.what, at=coming.at)
        return shown

    @classmethod
    def of(cls, deployment: Deployment) -> "DeploymentOut":
        options, code = deployment.options, deployment.error_code
        alarms = options.override_alarms
        return cls(
            id=deployment.id,
            application=deployment.application,
            deployment_group=deployment.group,
            status=deployment.status,
            revision=deployment.revision_id,
            previous_revision=deployment.previous_revision_id,
            deployment_config=deployment.config_name,
            description=options.description,
            creator=deployment.creator,
            compute_platform=deployment.compute_platform,
            created_at=deployment.created_at,
            started_at=deployment.started_at,
            completed_at=deployment.completed_at,
            error=code and ErrorOut(code=code, message=deployment.error_message),
            overview=_overview(deployment),
            minimum_healthy=deployment.minimum_healthy,
            rollback=_rollback(deployment),
            auto_rollback=RollbackOut.of(deployment.auto_rollback),
            ignore_application_stop_failures=options.ignore_application_stop_failures,
            file_exists_behavior=options.file_exists_behavior,
            update_outdated_only=options.update_outdated_only,
            deployment_mode=options.deployment_mode,
            status_messages=list(deployment.status_messages),
            paused_at=None if deployment.is_final else deployment.paused_at,
            override_alarms=alarms and AlarmsOut.of(alarms),
        )


@router.post(
    "",
    status_code=201,
    summary="Create a deployment; it starts at once",
    responses={
        404: {"model": Problem, "description": "The application, group or revision is missing."},
        409: {"model": Problem, "description": "The group has an active deployment."},
    },
)
def create(
    body: DeploymentIn, token: Deployer, parts: TheParts, response: Response
) -> DeploymentOut:
    with parts.store.write() as uow:
        deployment = create_deployment(body.request(), uow=uow, actor=token.name)
        shown = DeploymentOut.whole(deployment, uow)
    response.headers["Location"] = f"/v1/deployments/{deployment.id}"
    return shown


@router.get(
    "", summary="List deployments, newest first", dependencies=[Depends(needs(Role.VIEWER))]
)
def list_(
    parts: TheParts,
    *,
    application: str | None = None,
    deployment_group: str | None = None,
    status: Statuses = (),
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DeploymentOut]:
    after = read_moment(cursor)
    with parts.store.read() as uow:
        wanted = Wanted(
            region=uow.region,
            application_id=_application_id(application, uow),
            group_ids=None
            if deployment_group is None
            else uow.catalog.ids_of_groups(deployment_group, application),
            statuses=status,
            created_from=_aware(created_from),
            created_to=_aware(created_to),
        )
        found = uow.deployments.page(wanted, limit=limit + 1, after=after)
    return page_of(
        found,
        limit,
        key=lambda one: [one.created_at.isoformat(), one.id],
        shape=DeploymentOut.of,
    )


@router.get("/{id}", summary="Show a deployment", dependencies=[Depends(needs(Role.VIEWER))])
def show(id: str, parts: TheParts) -> DeploymentOut:  # noqa: A002 - the path's word
    with parts.store.read() as uow:
        return DeploymentOut.whole(uow.deployments.get(DeploymentId(id)), uow)


@router.post(
    "/{id}/stop",
    summary="Stop a deployment, with or without a rollback",
    responses={409: {"model": Problem, "description": "It is final already."}},
)
def stop(
    id: str,  # noqa: A002 - the path's word
    token: Deployer,
    parts: TheParts,
    body: StopIn | None = None,
) -> DeploymentOut:
    wish = body or StopIn()
    with parts.store.write() as uow:
        stopped = stop_deployment(
            DeploymentId(id),
            uow=uow,
            actor=token.name,
            reason=wish.reason,
            rollback=wish.rollback,
        )
        return DeploymentOut.whole(stopped, uow)


def _application_id(name: str | None, uow: UnitOfWork) -> ApplicationId | None:
    if name is None:
        return None
    try:
        return uow.catalog.application(name).id
    except ApplicationNotFound:
        return _NOBODY


def _aware(moment: datetime | None) -> datetime | None:
    """Take a time without a zone as UTC."""
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _overview(deployment: Deployment) -> dict[str, int]:
    shown = [status for status in TargetStatus if status is not TargetStatus.UNKNOWN]
    return {status.value: deployment.overview.get(status, 0) for status in shown}


def _rollback(deployment: Deployment) -> RollbackInfoOut | None:
    by, of = deployment.rollback_deployment_id, deployment.rollback_triggering_deployment_id
    if by is None and of is None and not deployment.rollback_message:
        return None
    return RollbackInfoOut(
        rollback_deployment_id=by,
        rollback_triggering_deployment_id=of,
        message=deployment.rollback_message,
    )
