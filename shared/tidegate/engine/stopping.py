"""A deployment that is ended before its time, by somebody or something."""

from collections.abc import Sequence
from typing import Final

from tidegate.domain.deployment import Deployment, DeploymentStatus, RollbackEvent
from tidegate.domain.ids import TargetId
from tidegate.engine.course_ends import close_course, say_what_is_left
from tidegate.engine.rollback import end_deployment
from tidegate.messages import advance_now
from tidegate.planning.in_place import MOST_QUEUED
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import UnitOfWork

SLICE: Final = MOST_QUEUED
"""Targets that one transaction ends: never less than may be in the queue, so that nobody takes
one of a deployment that has ended."""
FAILED_BEFORE: Final = "The deployment failed before."


def stop_early(
    deployment: Deployment,
    move: Move,
    event: RollbackEvent,
    *,
    uow: UnitOfWork,
    asked: bool | None = None,
) -> None:
    """End a deployment by *move*: nothing more of it begins, and what runs ends first.

    *asked* is the explicit wish for a rollback, or against one.
    """
    if deployment.is_of_servers:
        skip_and_end(deployment, move, event, uow=uow, asked=asked, of_waiting=move.reason)
        return
    close_course(deployment.id, move.reason, uow=uow)
    end_deployment(deployment, move, event, uow=uow, asked=asked)
    say_what_is_left(uow.deployments.get(deployment.id), uow)


def skip_and_end(
    deployment: Deployment,
    move: Move,
    event: RollbackEvent,
    *,
    uow: UnitOfWork,
    of_waiting: str,
    asked: bool | None = None,
) -> None:
    """End a deployment by *move* before all of its targets had their turn.

    *of_waiting* is said of those that had not. Of thousands of them most are skipped by advances
    that follow, some by each, so that nobody waits long for the deployment's row.
    """
    waiting = uow.targets.waiting(deployment.id, most=SLICE)
    uow.targets.skip(deployment.id, waiting, at=move.at, actor=move.actor, reason=of_waiting)
    uow.targets.request_cancel(deployment.id)
    end_deployment(deployment, move, event, uow=uow, asked=asked)
    go_on_if_more(deployment, waiting, uow)


def skip_left_over(deployment: Deployment, uow: UnitOfWork) -> None:
    """Skip some more of the targets that a deployment had left when it ended."""
    waiting = uow.targets.waiting(deployment.id, most=SLICE)
    if not waiting:
        return
    end = uow.history.last_of_deployment(deployment.id)
    has_failed = deployment.status is DeploymentStatus.FAILED
    reason = FAILED_BEFORE if has_failed else end.reason
    uow.targets.skip(deployment.id, waiting, at=uow.now(), actor=end.actor, reason=reason)
    go_on_if_more(deployment, waiting, uow)


def go_on_if_more(deployment: Deployment, ended: Sequence[TargetId], uow: UnitOfWork) -> bool:
    """Want one more advance if a whole slice of targets was *ended*; tell whether that is so."""
    if len(ended) < SLICE:
        return False
    advance_now(uow, deployment.id)
    return True
