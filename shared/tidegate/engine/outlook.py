"""What a deployment that moves traffic has done, and what it has before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.domain.course import CourseStep, StepKind, StepStatus
from tidegate.domain.deployment import DEPLOYMENT_MACHINE, Deployment
from tidegate.engine.alarms import verdict_on
from tidegate.planning.alarms import GoOn
from tidegate.planning.outlook import (
    Planned,
    Terms,
    Upcoming,
    first_upcoming,
    next_upcoming,
    planned_times,
)
from tidegate.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step, and when it was or is to begin."""

    step: CourseStep
    planned: Planned


def steps_of(deployment: Deployment, uow: UnitOfWork) -> list[PlannedStep]:
    """Return the steps of a deployment; none if it moves no traffic or has not started."""
    course = uow.courses.course(deployment.id)
    planned = planned_times(course, _terms(deployment, course, uow), uow.now())
    return [PlannedStep(step, when) for step, when in zip(course, planned, strict=True)]


def next_of(deployment: Deployment, uow: UnitOfWork) -> Upcoming | None:
    """Return what happens next; None of what is final.

    Of servers it is known as long as nothing has begun, or something is in the way.
    """
    if deployment.is_final:
        return None
    if deployment.is_of_servers:
        held_by = _held_by(deployment, uow)
        return first_upcoming(Terms(held_by=held_by)) if held_by or _is_new(deployment) else None
    course = uow.courses.course(deployment.id)
    terms = _terms(deployment, course, uow)
    return next_upcoming(course, terms, uow.now()) if course else first_upcoming(terms)


def _terms(deployment: Deployment, course: Sequence[CourseStep], uow: UnitOfWork) -> Terms:
    if deployment.is_final or deployment.is_of_servers:
        return Terms()
    paused = deployment.paused_at
    unscheduled = any(
        step.kind is StepKind.SHIFT and step.status is StepStatus.PENDING and step.due_at is None
        for step in course
    )
    catalog = uow.catalog_of(deployment.region)
    routing = catalog.config(deployment.config_name).traffic_routing if unscheduled else None
    return Terms(
        routing=routing,
        blue_green=uow.deployments.group_settings(deployment.id)["aws"].blue_green,
        minute=uow.minute,
        paused_at=paused,
        paused_until=paused and paused + uow.pause_limit,
        held_by=_held_by(deployment, uow),
    )


def _held_by(deployment: Deployment, uow: UnitOfWork) -> str:
    said = verdict_on(deployment, uow)
    return "" if isinstance(said, GoOn) else said.reason


def _is_new(deployment: Deployment) -> bool:
    return deployment.status is DEPLOYMENT_MACHINE.initial
