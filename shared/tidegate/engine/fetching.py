"""Deployments that cannot start before what they deploy was fetched and read."""

from datetime import timedelta
from typing import Final

from tidegate.domain.deployment import Deployment, ErrorCode
from tidegate.domain.steps import Fail
from tidegate.messages import want_bundle
from tidegate.planning.in_place import DEPLOYMENT_LIMIT
from tidegate.store.unit_of_work import UnitOfWork

FETCH_AGAIN: Final = timedelta(seconds=30)
"""What is not there after so long is asked for again: its worker may have died."""
NEVER_FETCHED: Final = (
    "The deployment timed out after 12 hours: its revision was never fetched. "
    "The logs of the workers that serve the queue 'hosts' say why."
)


def await_bundle(deployment: Deployment, uow: UnitOfWork) -> Fail | None:
    """Have the bundle or AppSpec of a deployment fetched; say if that has taken too long."""
    if uow.now() - deployment.created_at > DEPLOYMENT_LIMIT:
        return Fail(ErrorCode.TIMEOUT, NEVER_FETCHED)
    want_bundle(uow, deployment.id)
    uow.deployments.settle(deployment, wake_at=uow.now() + FETCH_AGAIN)
    return None
