"""Targets and their lifecycle events as CodeDeploy's clients are told of them."""

from collections.abc import Sequence

from tidegate.domain.arn import instance_arn
from tidegate.domain.deployment import Deployment
from tidegate.domain.target import Target
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.event_showing import shown_events
from tidegate_api.codedeploy.shapes import targets as shapes
from tidegate_api.codedeploy.traffic_showing import traffic_targets


def target_infos(
    call: Call, deployment: Deployment, targets: Sequence[Target]
) -> list[shapes.DeploymentTarget]:
    """Return targets as they are shown now."""
    if not deployment.is_of_servers:
        return traffic_targets(call, deployment, targets)
    arns = _arns(call, deployment, targets)
    return [
        shapes.DeploymentTarget(
            deployment_target_type="InstanceTarget",
            instance_target=shapes.InstanceTarget(
                deployment_id=deployment.id,
                target_id=target.id,
                target_arn=arns.get(target.id),
                status=target.status.value,
                last_updated_at=target.last_updated_at,
                lifecycle_events=shown_events(call, target),
            ),
        )
        for target in targets
    ]


def instance_summaries(
    call: Call, deployment: Deployment, targets: Sequence[Target]
) -> list[shapes.InstanceSummary]:
    """Return targets as they were shown of old: by their ARN where there is one."""
    arns = _arns(call, deployment, targets)
    return [
        shapes.InstanceSummary(
            deployment_id=deployment.id,
            instance_id=arns.get(target.id, target.id),
            status=target.status.value,
            last_updated_at=target.last_updated_at,
            lifecycle_events=shown_events(call, target),
        )
        for target in targets
    ]


def _arns(call: Call, deployment: Deployment, targets: Sequence[Target]) -> dict[str, str]:
    """Return the ARNs of the hosts that still exist."""
    hosts = call.uow.catalog.hosts_by_id(target.host_id for target in targets)
    place = deployment.region, call.trail.account
    return {
        target.id: host.instance.arn
        if host.instance is not None
        else instance_arn(*place, host.name, host.registration.suffix)
        for target in targets
        if (host := hosts.get(target.host_id)) is not None
    }
