"""What others tell a deployment that waits for it: to go on, or how a hook ended."""

from enum import StrEnum
from typing import Final

from tidegate.domain.course import StepKind, StepStatus, Word
from tidegate.domain.deployment import ComputePlatform, Deployment
from tidegate.domain.errors import (
    DeploymentAlreadyCompleted,
    DeploymentNotReady,
    DeploymentNotStarted,
    HookHasEnded,
    Invalid,
    UnsupportedAction,
)
from tidegate.domain.ids import DeploymentId
from tidegate.messages import advance_now
from tidegate.store.unit_of_work import UnitOfWork


class Wait(StrEnum):
    """CodeDeploy's DeploymentWaitType."""

    READY = "READY_WAIT"
    """Before traffic goes to the replacement."""
    TERMINATION = "TERMINATION_WAIT"
    """Before the original is terminated."""


_KINDS: Final = {Wait.READY: StepKind.READY, Wait.TERMINATION: StepKind.TERMINATION}


def continue_deployment(deployment_id: DeploymentId, wait: Wait, *, uow: UnitOfWork) -> None:
    """End a wait of a blue/green deployment.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It never waits.
        DeploymentNotReady: It does not wait now.
    """
    deployment = _going_on(deployment_id, uow)
    if not _say(deployment, _KINDS[wait], uow):
        raise DeploymentNotReady(deployment_id, deployment.status, wait)


def skip_termination_wait(deployment_id: DeploymentId, *, uow: UnitOfWork) -> None:
    """Terminate the original of a blue/green deployment now.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It never waits.
        DeploymentNotStarted: Its traffic has not moved.
    """
    deployment = _going_on(deployment_id, uow)
    if not _say(deployment, StepKind.TERMINATION, uow):
        begins = "its original waits to be removed when all traffic has moved"
        raise DeploymentNotStarted(deployment_id, deployment.status, begins)


def _say(deployment: Deployment, kind: StepKind, uow: UnitOfWork) -> bool:
    """Say to a wait that it may end; tell whether the deployment is in one of that kind."""
    for step in uow.courses.course(deployment.id):
        if step.kind is kind and step.status is StepStatus.IN_PROGRESS:
            uow.courses.change(deployment.id, step, None, word=Word.SUCCEEDED)
            advance_now(uow, deployment.id)
            return True
    return False


def end_hook(
    deployment_id: DeploymentId, execution_id: str, word: Word, *, uow: UnitOfWork
) -> Deployment:
    """Take the word of a hook of a deployment; return the deployment.

    Raises:
        DeploymentNotFound: There is none.
        UnsupportedAction: It deploys to servers, where hooks are scripts.
        Invalid: No hook of it was called by that id.
        HookHasEnded: It has said so before, or its time was over.
    """
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_of_servers:
        raise UnsupportedAction(
            f"The deployment {deployment_id} deploys to servers, where hooks are scripts that "
            "answer for themselves."
        )
    step = uow.courses.called_as(deployment_id, execution_id)
    if step is None:
        raise Invalid(
            f"No hook of the deployment {deployment_id} was called as {execution_id[:100]!r}.",
            code="InvalidLifecycleEventHookExecutionIdException",
        )
    if step.status is not StepStatus.IN_PROGRESS or step.word is not None:
        raise HookHasEnded(deployment_id, step.event)
    uow.courses.change(deployment_id, step, None, word=word)
    advance_now(uow, deployment_id)
    return deployment


def _going_on(deployment_id: DeploymentId, uow: UnitOfWork) -> Deployment:
    """Return a deployment that may wait, or may have to."""
    deployment = uow.deployments.lock(deployment_id)
    if deployment.is_final:
        raise DeploymentAlreadyCompleted(deployment_id, deployment.status, "continue")
    platform = deployment.compute_platform
    style = uow.deployments.group_settings(deployment_id)["aws"].style_on(platform)
    if platform is ComputePlatform.LAMBDA or not style.is_blue_green:
        raise UnsupportedAction(
            f"The deployment {deployment_id} has no wait that could be ended; "
            "blue/green deployments to EC2 and ECS have."
        )
    return deployment
