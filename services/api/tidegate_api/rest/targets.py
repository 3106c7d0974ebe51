"""`/v1/deployments/{id}/targets`."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from tidegate.domain.access import Role
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import DiagnosticCode, EventStatus, LifecycleEvent
from tidegate.domain.target import Target, TargetStatus
from tidegate.store.progress import position_of
from tidegate_api.auth import needs
from tidegate_api.cursors import BadCursor
from tidegate_api.parts import TheParts
from tidegate_api.rest.moves import TrafficOut, traffic_of
from tidegate_api.rest.paging import page_of, read_name
from tidegate_api.rest.shapes import Cursor, Limit, Page

router: Final = APIRouter(prefix="/deployments/{id}/targets", tags=["deployments"])


class LifecycleEventOut(BaseModel):
    name: str
    status: EventStatus
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    error_code: DiagnosticCode | None
    script: str
    message: str
    log_size: int
    """Bytes of the whole log, also of what was cut."""
    log_tail: str | None
    """Its last lines, fewer than 2,048 characters; null in lists."""

    @classmethod
    def of(cls, event: LifecycleEvent, log_tail: str | None) -> "LifecycleEventOut":
        return cls(
            name=event.name,
            status=event.status,
            started_at=event.started_at,
            finished_at=event.finished_at,
            exit_code=event.exit_code,
            error_code=event.error_code,
            script=event.script,
            message=event.message,
            log_size=event.log_size,
            log_tail=log_tail,
        )


class TargetOut(BaseModel):
    id: str
    deployment_id: str
    status: TargetStatus
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    last_updated_at: datetime
    message: str
    """Why it failed, or what it waits for."""
    lifecycle_events: list[LifecycleEventOut]
    traffic: TrafficOut | None
    """What moves, and how it was found; null of servers."""

    @classmethod
    def of(
        cls,
        target: Target,
        traffic: TrafficOut | None,
        tail: Callable[[str], str | None] = lambda _event: None,
    ) -> "TargetOut":
        return cls(
            id=target.id,
            deployment_id=target.deployment_id,
            status=target.status,
            attempt=target.attempt,
            started_at=target.started_at,
            finished_at=target.finished_at,
            last_updated_at=target.last_updated_at,
            message=target.message,
            lifecycle_events=[
                LifecycleEventOut.of(event, tail(event.name)) for event in target.events
            ],
            traffic=traffic,
        )


@router.get(
    "",
    summary="List a deployment's targets in the order of work",
    dependencies=[Depends(needs(Role.VIEWER))],
)
def list_(
    id: str,  # noqa: A002 - the path's word
    parts: TheParts,
    status: TargetStatus | None = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[TargetOut]:
    deployment_id, after = DeploymentId(id), read_name(cursor)
    with parts.store.read() as uow:
        deployment = uow.deployments.get(deployment_id)
        behind = -1 if after is None else position_of(uow.session, deployment_id, after)
        if behind is None:
            raise BadCursor
        found = uow.targets.page(deployment_id, status=status, limit=limit + 1, after=behind)
        traffic = traffic_of(deployment, [target.id for target in found], uow)
    return page_of(
        found,
        limit,
        key=lambda one: [one.id],
        shape=lambda one: TargetOut.of(one, traffic.get(one.id)),
    )


@router.get(
    "/{target}",
    summary="Show one target with its lifecycle events",
    dependencies=[Depends(needs(Role.VIEWER))],
)
def show(id: str, target: str, parts: TheParts) -> TargetOut:  # noqa: A002 - the path's word
    deployment_id, target_id = DeploymentId(id), TargetId(target)
    with parts.store.read() as uow:
        deployment = uow.deployments.get(deployment_id)
        found = uow.targets.get(deployment_id, target_id)
        return TargetOut.of(
            found,
            traffic_of(deployment, [target_id], uow).get(target_id),
            lambda event: uow.logs.tail(deployment_id, target_id, event),
        )
