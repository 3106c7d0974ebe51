"""`/v1/deployments/{id}/steps`: how a deployment moves traffic, step by step."""

from datetime import datetime
from typing import Final

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from tidegate.domain.access import Role
from tidegate.domain.course import StepKind, StepStatus
from tidegate.domain.ids import DeploymentId
from tidegate.engine.outlook import PlannedStep, steps_of
from tidegate_api.auth import needs
from tidegate_api.parts import TheParts
from tidegate_api.rest.shapes import Page

router: Final = APIRouter(prefix="/deployments/{id}/steps", tags=["deployments"])


class StepOut(BaseModel):
    number: int
    kind: StepKind
    event: str | None
    """The lifecycle event that it belongs to; null for what happens between them."""
    status: StepStatus
    weight: int | None
    """Of a shift, the share of the traffic that the replacement gets, in percent."""
    hook: str | None
    """Of a hook, the function or address that is called; it runs since `started_at`."""
    planned_at: datetime | None
    """Null of what was left out before it had a time."""
    is_estimate: bool
    """Whether it is the earliest time: what comes before takes as long as it takes."""
    started_at: datetime | None
    finished_at: datetime | None
    until: datetime | None
    """Of a step that has begun, how long is waited for it, or when its wait is over."""

    @classmethod
    def of(cls, one: PlannedStep) -> "StepOut":
        step, planned = one.step, one.planned
        return cls(
            number=step.number,
            kind=step.kind,
            event=step.event or None,
            status=step.status,
            weight=step.weight,
            hook=step.hook or None,
            planned_at=planned.at,
            is_estimate=planned.is_estimate,
            started_at=step.started_at,
            finished_at=step.finished_at,
            until=step.until,
        )


@router.get(
    "",
    summary="List the steps of a deployment to Lambda or ECS, done and to come, all in one page",
    dependencies=[Depends(needs(Role.VIEWER))],
)
def list_(id: str, parts: TheParts) -> Page[StepOut]:  # noqa: A002 - the path's word
    with parts.store.read() as uow:
        steps = steps_of(uow.deployments.get(DeploymentId(id)), uow)
    return Page(items=[StepOut.of(step) for step in steps], next_cursor=None)
