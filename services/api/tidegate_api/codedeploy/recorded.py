"""Deployments that a call may speak of: those of its region."""

from collections.abc import Sequence

from tidegate.domain.errors import DeploymentNotFound
from tidegate.domain.ids import DeploymentId
from tidegate.store.deployment_reading import Recorded
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.names import deployment_id


def recorded_deployments(call: Call, ids: Sequence[DeploymentId]) -> list[Recorded]:
    """Return those of several deployments that there are in the region of the call."""
    found = call.uow.deployments.recorded(ids)
    return [one for one in found if one.deployment.region == call.trail.region]


def recorded_deployment(call: Call, asked: str | None) -> Recorded:
    """Return the deployment of an id.

    Raises:
        AwsError: The id is missing, or none that a deployment can have.
        DeploymentNotFound: There is none in the region of the call.
    """
    id_ = deployment_id(asked)
    found = recorded_deployments(call, [id_])
    if not found:
        raise DeploymentNotFound(id_)
    return found[0]
