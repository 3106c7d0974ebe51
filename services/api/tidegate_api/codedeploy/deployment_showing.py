"""Deployments as CodeDeploy's clients are told of them: what is shown, and what is absent."""

from collections.abc import Sequence

from tidegate.domain.deployment import (
    ComputePlatform,
    Deployment,
    DeploymentOptions,
    DeploymentStatus,
)
from tidegate.domain.ec2 import ScalingProcess, TargetInstances
from tidegate.domain.target import TargetStatus
from tidegate.store.deployment_reading import Recorded
from tidegate.store.searches import Related
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.group_showing import (
    alarm_info,
    blue_green_info,
    ec2_filters,
    ec2_options_info,
    ec2_set,
    load_balancer_info,
    rollback_info,
    style_info,
)
from tidegate_api.codedeploy.locations import location_of
from tidegate_api.codedeploy.shapes import deployments as shapes


def deployment_infos(call: Call, found: Sequence[Recorded]) -> list[shapes.DeploymentInfo]:
    """Return all that is said of deployments."""
    # Only what EC2 instances were launched during is followed by another.
    asked = [one.deployment.id for one in found if one.aws.auto_scaling_groups]
    related = call.uow.searches.related(asked) if asked else {}
    return [_info(one, related.get(one.deployment.id)) for one in found]


def _info(recorded: Recorded, related: Related | None) -> shapes.DeploymentInfo:
    deployment, aws = recorded.deployment, recorded.aws
    options, platform = deployment.options, deployment.compute_platform
    return shapes.DeploymentInfo(
        application_name=deployment.application,
        deployment_group_name=deployment.group,
        deployment_config_name=deployment.config_name,
        deployment_id=deployment.id,
        previous_revision=recorded.previous and location_of(recorded.previous),
        revision=recorded.revision and location_of(recorded.revision),
        status=deployment.status.value,
        error_information=_error(deployment),
        create_time=deployment.created_at,
        start_time=deployment.started_at,
        complete_time=deployment.completed_at,
        deployment_overview=_overview(deployment),
        description=options.description or None,
        creator=deployment.creator.value,
        ignore_application_stop_failures=options.ignore_application_stop_failures,
        auto_rollback_configuration=rollback_info(deployment.auto_rollback),
        update_outdated_instances_only=options.update_outdated_only,
        rollback_info=_rollback(deployment),
        deployment_style=style_info(aws, platform),
        target_instances=options.target_instances and _instances(options.target_instances),
        instance_termination_wait_time_started=deployment.has_kept_blue,
        blue_green_deployment_configuration=aws.blue_green and blue_green_info(aws.blue_green),
        load_balancer_info=aws.load_balancers and load_balancer_info(aws.load_balancers),
        file_exists_behavior=_file_behavior(deployment),
        deployment_mode=_mode(options),
        deployment_status_messages=list(deployment.status_messages),
        compute_platform=platform.value,
        external_id=deployment.external_id,
        related_deployments=related and _related(related),
        override_alarm_configuration=options.override_alarms
        and alarm_info(options.override_alarms),
        ec2_deployment_options=ec2_options_info(_suspended(recorded)),
    )


def _related(related: Related) -> shapes.RelatedDeployments:
    follow_up = related.follow_up
    return shapes.RelatedDeployments(
        auto_update_outdated_instances_root_deployment_id=related.root,
        auto_update_outdated_instances_deployment_ids=None if follow_up is None else [follow_up],
    )


def _mode(options: DeploymentOptions) -> str | None:
    """Return the mode of a restart; AWS does not name the usual one."""
    return options.deployment_mode.value if options.is_restart else None


def _file_behavior(deployment: Deployment) -> str | None:
    is_server = deployment.compute_platform is ComputePlatform.SERVER
    return deployment.options.file_exists_behavior.value if is_server else None


def _suspended(recorded: Recorded) -> tuple[ScalingProcess, ...] | None:
    own = recorded.deployment.options.suspended_processes
    return recorded.aws.suspended_processes if own is None else own


def _error(deployment: Deployment) -> shapes.ErrorInformation | None:
    if deployment.error_code is None:
        return None
    return shapes.ErrorInformation(
        code=deployment.error_code.value, message=deployment.error_message
    )


def _overview(deployment: Deployment) -> shapes.DeploymentOverview | None:
    """Count the targets once it has begun; where traffic is moved, once it has ended."""
    is_server = deployment.compute_platform is ComputePlatform.SERVER
    if deployment.started_at is None or not (is_server or deployment.is_final):
        return None
    counts = deployment.overview
    return shapes.DeploymentOverview(
        pending=counts.get(TargetStatus.PENDING, 0),
        in_progress=counts.get(TargetStatus.IN_PROGRESS, 0),
        succeeded=counts.get(TargetStatus.SUCCEEDED, 0),
        failed=counts.get(TargetStatus.FAILED, 0),
        skipped=counts.get(TargetStatus.SKIPPED, 0),
        ready=counts.get(TargetStatus.READY, 0),
    )


def _rollback(deployment: Deployment) -> shapes.RollbackInfo | None:
    """Return what is said of a rollback; an empty word of one that ended without success."""
    has_failed = deployment.status in {DeploymentStatus.FAILED, DeploymentStatus.STOPPED}
    if not has_failed and not deployment.rollback_message:
        return None
    return shapes.RollbackInfo(
        rollback_deployment_id=deployment.rollback_deployment_id,
        rollback_triggering_deployment_id=deployment.rollback_triggering_deployment_id,
        rollback_message=deployment.rollback_message or None,
    )


def _instances(said: TargetInstances) -> shapes.TargetInstances:
    return shapes.TargetInstances(
        tag_filters=ec2_filters(said.tags.flat) or None,
        auto_scaling_groups=list(said.auto_scaling_groups) or None,
        ec2_tag_set=ec2_set(said.tags.sets),
    )
