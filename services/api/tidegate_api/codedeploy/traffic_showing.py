"""Targets that traffic moves between, as CodeDeploy's clients are told of them."""

from collections.abc import Sequence

from tidegate.domain.arn import function_arn, service_arn
from tidegate.domain.deployment import Deployment
from tidegate.domain.target import Target
from tidegate.domain.traffic import AliasMove, Found, ServiceMove, TaskSet
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.event_showing import shown_events
from tidegate_api.codedeploy.shapes import targets as shapes
from tidegate_api.codedeploy.shapes.group_settings import TargetGroupInfo


def traffic_targets(
    call: Call, deployment: Deployment, targets: Sequence[Target]
) -> list[shapes.DeploymentTarget]:
    """Return targets on Lambda or ECS as they are shown now."""
    known = {
        errand.target_id: errand
        for errand in call.uow.courses.errands(deployment.id, [target.id for target in targets])
    }
    return [
        _shown(call, deployment, target, known[target.id].move, known[target.id].found)
        for target in targets
    ]


def _shown(
    call: Call,
    deployment: Deployment,
    target: Target,
    move: AliasMove | ServiceMove,
    found: Found | None,
) -> shapes.DeploymentTarget:
    place = deployment.region, call.trail.account
    if isinstance(move, AliasMove):
        return shapes.DeploymentTarget(
            deployment_target_type="LambdaTarget",
            lambda_target=shapes.LambdaTarget(
                deployment_id=deployment.id,
                target_id=target.id,
                target_arn=function_arn(*place, move.function),
                status=target.status.value,
                last_updated_at=target.last_updated_at,
                lifecycle_events=shown_events(call, target),
                lambda_function_info=_function(move, found),
            ),
        )
    return shapes.DeploymentTarget(
        deployment_target_type="ECSTarget",
        ecs_target=shapes.ECSTarget(
            deployment_id=deployment.id,
            target_id=target.id,
            target_arn=service_arn(*place, move.cluster, move.service),
            status=target.status.value,
            last_updated_at=target.last_updated_at,
            lifecycle_events=shown_events(call, target),
            task_sets_info=[_task_set(one) for one in found.task_sets] if found else [],
        ),
    )


def _function(move: AliasMove, found: Found | None) -> shapes.LambdaFunctionInfo:
    return shapes.LambdaFunctionInfo(
        function_name=move.function,
        function_alias=move.alias,
        current_version=move.current_version,
        target_version=move.target_version,
        # AWS shows a fraction here, and percent of task sets.
        target_version_weight=(found.weight if found else 0) / 100,
    )


def _task_set(one: TaskSet) -> shapes.ECSTaskSet:
    return shapes.ECSTaskSet(
        identifer=one.id,
        desired_count=one.desired,
        pending_count=one.pending,
        running_count=one.running,
        status=one.status,
        traffic_weight=one.weight,
        target_group=TargetGroupInfo(name=one.target_group),
        task_set_label=one.side.value,
    )
