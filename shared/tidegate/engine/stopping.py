"""A deployment that is ended before its time, by somebody or something."""

from tidegate.domain.deployment import Deployment, RollbackEvent
from tidegate.engine.course_ends import close_course, say_what_is_left
from tidegate.engine.rollback import end_deployment
from tidegate.store.deployments import Move
from tidegate.store.unit_of_work import UnitOfWork


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
        uow.targets.skip_waiting(deployment.id, at=move.at, actor=move.actor, reason=move.reason)
        uow.targets.request_cancel(deployment.id)
    else:
        close_course(deployment.id, move.reason, uow=uow)
    end_deployment(deployment, move, event, uow=uow, asked=asked)
    if not deployment.is_of_servers:
        say_what_is_left(uow.deployments.get(deployment.id), uow)
