"""What others tell a deployment that waits for it: to go on, or how a hook function ended."""

from enum import StrEnum

from tidegate.domain.deployment import ComputePlatform, Deployment
from tidegate.domain.errors import (
    DeploymentAlreadyCompleted,
    DeploymentNotReady,
    DeploymentNotStarted,
    Invalid,
    UnsupportedAction,
)
from tidegate.domain.ids import DeploymentId
from tidegate.store.unit_of_work import UnitOfWork


class Wait(StrEnum):
    """CodeDeploy's DeploymentWaitType."""

    READY = "READY_WAIT"
    """Before traffic goes to the replacement."""
    TERMINATION = "TERMINATION_WAIT"
    """Before the original is terminated."""


def continue_deployment(deployment_id: DeploymentId, wait: Wait, *, uow: UnitOfWork) -> None:
    """End a wait of a blue/green deployment.

    Raises:
        DeploymentNotFound: There is none.
        DeploymentAlreadyCompleted: It is final.
        UnsupportedAction: It never waits.
        DeploymentNotReady: It does not wait now.
    """
    deployment = _going_on(deployment_id, uow)
    # No deployment that waits is carried out yet.
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
    raise DeploymentNotStarted(deployment_id, deployment.status)


def end_hook(deployment_id: DeploymentId, execution_id: str, *, uow: UnitOfWork) -> None:
    """Take the word of a hook function.

    Raises:
        DeploymentNotFound: There is none.
        UnsupportedAction: It deploys to servers, where hooks are scripts.
        Invalid: No hook function of it was called by that id.
    """
    deployment = uow.deployments.lock(deployment_id)
    if deployment.compute_platform is ComputePlatform.SERVER:
        raise UnsupportedAction(
            f"The deployment {deployment_id} deploys to servers, where hooks are scripts that "
            "answer for themselves."
        )
    raise Invalid(
        f"No hook function of the deployment {deployment_id} was called as {execution_id[:100]!r}.",
        code="InvalidLifecycleEventHookExecutionIdException",
    )


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
