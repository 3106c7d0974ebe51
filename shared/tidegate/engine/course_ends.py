"""How deployments that move traffic are closed: what is open of them, and what they leave."""

from tidegate.domain.course import CHANGES
from tidegate.domain.deployment import Creator, Deployment, DeploymentStatus
from tidegate.domain.ids import DeploymentId, TargetId
from tidegate.domain.lifecycle import EventMove, EventStatus
from tidegate.domain.target import TargetEvent
from tidegate.engine.course_history import event_move, step_move
from tidegate.messages import advance_once
from tidegate.planning.leftovers import what_is_left
from tidegate.store.lifecycle import EventEnd
from tidegate.store.unit_of_work import UnitOfWork


def say_what_is_left(deployment: Deployment, uow: UnitOfWork) -> None:
    """Tell of a deployment that ended before its time, and is not rolled back, what it left.

    Of a rollback that is what it did not bring back.
    """
    if deployment.rollback_deployment_id is not None:
        return
    # What is to be rolled back has changed something, whether or not the way back has begun.
    is_rollback = deployment.creator is Creator.ROLLBACK
    has_begun = is_rollback or bool(uow.courses.kinds_begun(deployment.id) & CHANGES)
    told = (
        what_is_left(errand.move, errand.found, has_begun=has_begun)
        for errand in uow.courses.errands(deployment.id)
    )
    uow.deployments.say(deployment, tuple(filter(None, told)))


def close_course(deployment_id: DeploymentId, reason: str, *, uow: UnitOfWork) -> None:
    """End what is open of a deployment that goes no further, as far as nobody is at it.

    A target for which something is being called just now is closed when that call has ended.
    """
    now = uow.now()
    ended = uow.courses.end_rest(deployment_id, at=now)
    uow.history.record(deployment_id, [step_move(*both, now, "") for both in ended])
    for target in uow.targets.going_on(deployment_id):
        if uow.leases.is_held(deployment_id, target.id):
            continue
        _close_events(deployment_id, target.id, reason, uow=uow)
        uow.targets.complete(target, TargetEvent.FAIL, at=now, message=reason)


def _close_events(
    deployment_id: DeploymentId, target_id: TargetId, reason: str, *, uow: UnitOfWork
) -> None:
    now = uow.now()
    for name, source in uow.lifecycle.still_open(deployment_id, target_id):
        fails = source is EventStatus.IN_PROGRESS
        end = EventEnd(
            move=EventMove.FAIL if fails else EventMove.SKIP,
            at=now,
            message=reason if fails else "",
        )
        uow.lifecycle.end(deployment_id, target_id, name, end)
        to = EventStatus.FAILED if fails else EventStatus.SKIPPED
        why = reason if fails else ""
        record = event_move(target_id, name, (source, to), now, why)
        uow.history.record(deployment_id, [record])


def end_course(deployment: Deployment, uow: UnitOfWork) -> None:
    """Close what was still being called for when a deployment ended, and let its rollback begin."""
    close_course(deployment.id, deployment.error_message, uow=uow)
    if deployment.status is not DeploymentStatus.SUCCEEDED:
        say_what_is_left(deployment, uow)
    rollback = deployment.rollback_deployment_id
    if rollback is not None:
        advance_once(uow, rollback)
