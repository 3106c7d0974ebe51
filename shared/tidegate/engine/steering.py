"""What people do to traffic that moves: pause it, resume it, promote it now."""

from datetime import timedelta
from typing import Final

from tidegate.domain.course import CourseStep, StepKind, StepMove, StepStatus, Word
from tidegate.domain.deployment import ComputePlatform, Creator, Deployment
from tidegate.domain.errors import (
    DeploymentAlreadyCompleted,
    NotNow,
    TooLateToRollBack,
    UnsupportedAction,
)
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import DeploymentId
from tidegate.engine.course_history import step_move
from tidegate.engine.deployments import stop_deployment
from tidegate.messages import advance_now
from tidegate.planning.course import shifts_of
from tidegate.planning.traffic import moved, promoted
from tidegate.store.unit_of_work import UnitOfWork

_WAITS_TO_END: Final = (StepKind.READY, StepKind.TERMINATION)
_OF_LAST_SUCCESS: Final = {
    Creator.ROLLBACK: "is a rollback, and none is rolled back again",
    Creator.AUTO_UPDATE: "brings what the last success brought, and so would its rollback",
}


def pause_deployment(
    deployment_id: DeploymentId, *, uow: UnitOfWork, actor: str, reason: str = ""
) -> Deployment:
    """Have no step of a deployment begin until it is resumed; what has begun goes on to its end.

    One that is paused already stays so.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It deploys to servers.
    """
    deployment = _steered(deployment_id, "pause", uow)
    if deployment.paused_at is None:
        uow.deployments.pause(deployment_id, at=uow.now())
        _note(deployment, "pause", actor, reason, uow)
    return uow.deployments.get(deployment_id)


def resume_deployment(
    deployment_id: DeploymentId, *, uow: UnitOfWork, actor: str, reason: str = ""
) -> Deployment:
    """Let a paused deployment go on; the shifts to come are as far apart as they were.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It deploys to servers.
        NotNow: It is not paused.
    """
    deployment = _steered(deployment_id, "resume", uow)
    if deployment.paused_at is None:
        raise NotNow(
            f"The deployment {deployment_id} is not paused, so there is nothing to resume."
        )
    _resume(deployment, uow.now() - deployment.paused_at, uow)
    _note(deployment, "resume", actor, reason, uow)
    return uow.deployments.get(deployment_id)


def promote_deployment(
    deployment_id: DeploymentId,
    *,
    full: bool = False,
    uow: UnitOfWork,
    actor: str,
    reason: str = "",
) -> Deployment:
    """Have the next step of a deployment begin now, or with *full* give the new side all traffic.

    A wait ends, a pause too; hooks are called and heard all the same.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It deploys to servers.
        NotNow: What it waits for is not the time.
    """
    deployment = _steered(deployment_id, "promote", uow)
    course = uow.courses.course(deployment_id)
    begun = next((step for step in course if step.status is StepStatus.IN_PROGRESS), None)
    if begun is not None and begun.kind in _WAITS_TO_END:
        uow.courses.change(deployment_id, begun, None, word=Word.SUCCEEDED)
    elif not (
        _promote_shifts(deployment, course, full=full, uow=uow)
        or _only_a_pause_holds(deployment, course, full=full)
    ):
        raise NotNow(_why_not_now(deployment, begun))
    if deployment.paused_at is not None:
        _resume(deployment, timedelta(0), uow)
    _note(deployment, "promote fully" if full else "promote", actor, reason, uow)
    return uow.deployments.get(deployment_id)


def rollback_deployment(
    deployment_id: DeploymentId, *, uow: UnitOfWork, actor: str, reason: str = ""
) -> Deployment:
    """Stop a deployment and have it rolled back, whatever its group says of rollbacks.

    Raises:
        DeploymentNotFound: There is none.
        TooLateToRollBack: It is final.
        UnsupportedAction: It brings what was good itself.
    """
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        raise TooLateToRollBack(deployment_id, deployment.status, _instead(deployment))
    if what := _OF_LAST_SUCCESS.get(deployment.creator):
        raise UnsupportedAction(
            f"The deployment {deployment_id} {what}; `tidegate stop {deployment_id}` ends it where "
            "it is."
        )
    why = f"to roll it back, {reason}" if reason else "to roll it back."
    return stop_deployment(deployment_id, uow=uow, actor=actor, reason=why, rollback=True)


def _instead(deployment: Deployment) -> str:
    """Return what brings back what was there before a deployment that is final."""
    if rollback := deployment.rollback_deployment_id:
        return f"{rollback} has rolled it back, or does so; `tidegate watch {rollback}` shows it."
    command = f"`tidegate deploy --application {deployment.application} --group {deployment.group}"
    if deployment.compute_platform is ComputePlatform.LAMBDA:
        return f"Deploy an AppSpec that moves the traffic back: {command} --appspec FILE`."
    if previous := deployment.previous_revision_id:
        return f"Deploy the revision before it again: {command} --revision {previous}`."
    return "Its group had no successful deployment before it; deploy a revision that works."


def _steered(deployment_id: DeploymentId, verb: str, uow: UnitOfWork) -> Deployment:
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        raise DeploymentAlreadyCompleted(deployment_id, deployment.status, verb)
    if deployment.creator is Creator.ROLLBACK:
        raise UnsupportedAction(
            f"The deployment {deployment_id} brings the traffic back at once, so there is nothing "
            f"to {verb}."
        )
    if deployment.is_of_servers:
        raise UnsupportedAction(
            f"The deployment {deployment_id} deploys to servers and moves no traffic, so there is "
            f"nothing to {verb}; `tidegate stop {deployment_id}` stops it."
        )
    return deployment


def _resume(deployment: Deployment, paused_for: timedelta, uow: UnitOfWork) -> None:
    uow.deployments.pause(deployment.id, at=None)
    course = uow.courses.course(deployment.id)
    done = _last_done(course)
    if done is not None:
        later = moved(shifts_of(course, uow.now()), done, by=paused_for)
        uow.courses.schedule(deployment.id, {shift.number: shift.due_at for shift in later})


def _promote_shifts(
    deployment: Deployment, course: list[CourseStep], *, full: bool, uow: UnitOfWork
) -> bool:
    done = _last_done(course)
    ahead = [s for s in course if s.kind is StepKind.SHIFT and s.status is StepStatus.PENDING]
    if done is None or not ahead:
        return False
    now = uow.now()
    sooner = promoted(shifts_of(course, now), done, now, full=full)
    uow.courses.schedule(deployment.id, {shift.number: shift.due_at for shift in sooner})
    if full:
        for step in ahead[:-1]:
            skipped = uow.courses.change(deployment.id, step, StepMove.SKIP, finished_at=now)
            uow.history.record(deployment.id, [step_move(step, skipped, now, "")])
    return True


def _only_a_pause_holds(deployment: Deployment, course: list[CourseStep], *, full: bool) -> bool:
    """Tell whether the next step begins as soon as a pause ends, and is all that was asked for.

    No share is left out before the first one is there: a canary that nobody has watched proves
    nothing.
    """
    if deployment.paused_at is None or any(s.status is StepStatus.IN_PROGRESS for s in course):
        return False
    shifts = [s for s in course if s.kind is StepKind.SHIFT]
    has_moved = bool(shifts) and all(s.status is not StepStatus.PENDING for s in shifts)
    return has_moved or not full


def _why_not_now(deployment: Deployment, begun: CourseStep | None) -> str:
    if begun is None and deployment.paused_at is not None:
        return (
            f"The deployment {deployment.id} was paused before its first share of the traffic, "
            f"and that one comes first: `tidegate resume {deployment.id}` lets it go on."
        )
    doing = f"its step {begun.kind}" if begun else "its start"
    return (
        f"The deployment {deployment.id} has no shift of traffic to come that waits for its "
        f"time; it is at {doing}. `tidegate watch {deployment.id}` shows what comes next."
    )


def _last_done(course: list[CourseStep]) -> int | None:
    """Return the number of the last shift that has begun, if those to come have their times.

    They have none before the first share is there: they are counted from then.
    """
    begun = (
        step.number
        for step in course
        if step.kind is StepKind.SHIFT
        and step.status is not StepStatus.PENDING
        and step.due_at is not None
    )
    return max(begun, default=None)


def _note(deployment: Deployment, name: str, actor: str, reason: str, uow: UnitOfWork) -> None:
    now = uow.now()
    uow.history.record(
        deployment.id,
        [
            Transition(
                subject=Subject.DEPLOYMENT,
                name=name,
                source=deployment.status,
                to=deployment.status,
                at=now,
                actor=actor,
                reason=reason,
            )
        ],
    )
    advance_now(uow, deployment.id)
