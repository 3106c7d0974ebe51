"""A deployment group as CodeDeploy's clients are shown it.

What is never absent there, and what is absent rather than empty, was recorded from CodeDeploy.
"""

from collections.abc import Iterable

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    LoadBalancers,
    TargetGroupPair,
)
from tidegate.domain.deployment import AutoRollback, ComputePlatform
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.group import DeploymentSummary, Group
from tidegate.domain.tag_filters import TagFilter, TagFilterType, TagSet, tags_of
from tidegate_api.codedeploy.shapes import group_settings as shapes
from tidegate_api.codedeploy.shapes.groups import DeploymentGroupInfo, LastDeploymentInfo
from tidegate_api.codedeploy.shapes.revisions import RevisionLocation
from tidegate_api.codedeploy.shapes.tags import (
    EC2TagFilter,
    EC2TagSet,
    OnPremisesTagSet,
)
from tidegate_api.codedeploy.shapes.tags import TagFilter as TagFilterShape


def group_info(group: Group, target_revision: RevisionLocation | None) -> DeploymentGroupInfo:
    """Return all that is said of a group. Hosts that `/v1` names have no member here."""
    aws = group.aws
    tags = tags_of(group.tag_set, as_sets=aws.tags_are_sets)
    return DeploymentGroupInfo(
        application_name=group.application,
        deployment_group_id=group.id,
        deployment_group_name=group.name,
        deployment_config_name=group.config_name,
        compute_platform=group.compute_platform.value,
        service_role_arn=aws.service_role_arn or None,
        target_revision=target_revision,
        last_attempted_deployment=group.last_attempted and _last(group.last_attempted),
        last_successful_deployment=group.last_successful and _last(group.last_successful),
        on_premises_instance_tag_filters=[_filter(one) for one in tags.flat],
        on_premises_tag_set=OnPremisesTagSet(
            on_premises_tag_set_list=[[_filter(one) for one in either] for either in tags.sets]
        )
        if tags.sets
        else None,
        ec2_tag_filters=ec2_filters(aws.ec2_tags.flat),
        ec2_tag_set=ec2_set(aws.ec2_tags.sets),
        auto_rollback_configuration=rollback_info(group.auto_rollback),
        deployment_style=style_info(aws, group.compute_platform),
        outdated_instances_strategy=aws.outdated_instances.value,
        termination_hook_enabled=aws.termination_hook,
        alarm_configuration=alarm_info(aws.alarms),
        trigger_configurations=_triggers(aws),
        blue_green_deployment_configuration=aws.blue_green and blue_green_info(aws.blue_green),
        load_balancer_info=aws.load_balancers and load_balancer_info(aws.load_balancers),
        auto_scaling_groups=[
            shapes.AutoScalingGroup(name=name) for name in aws.auto_scaling_groups
        ],
        ec2_deployment_options=ec2_options_info(aws.suspended_processes),
        ecs_services=_services(aws),
    )


def rollback_info(rollback: AutoRollback) -> shapes.AutoRollbackConfiguration:
    """Return an automatic rollback."""
    events = [event.value for event in rollback.events]
    return shapes.AutoRollbackConfiguration(enabled=rollback.enabled, events=events or None)


def load_balancer_info(balancers: LoadBalancers) -> shapes.LoadBalancerInfo:
    """Return load balancers."""
    elbs, groups, pairs = balancers.elbs, balancers.target_groups, balancers.pairs
    return shapes.LoadBalancerInfo(
        elb_info_list=None if elbs is None else [shapes.ELBInfo(name=name) for name in elbs],
        target_group_info_list=None if groups is None else _target_groups(groups),
        target_group_pair_info_list=None if pairs is None else [_pair(pair) for pair in pairs],
    )


def _last(summary: DeploymentSummary) -> LastDeploymentInfo:
    return LastDeploymentInfo(
        deployment_id=summary.deployment_id,
        status=summary.status.value,
        create_time=summary.created_at,
        end_time=summary.completed_at,
    )


def _filter(one: TagFilter) -> TagFilterShape:
    return TagFilterShape(key=_key(one), value=_value(one), type=one.type.value)


def ec2_filters(filters: Iterable[TagFilter]) -> list[EC2TagFilter]:
    """Return conditions on tags of EC2 instances."""
    return [EC2TagFilter(key=_key(f), value=_value(f), type=f.type.value) for f in filters]


def ec2_set(tag_set: TagSet) -> EC2TagSet | None:
    """Return sets of conditions on tags of EC2 instances, if there are any."""
    return EC2TagSet(ec2_tag_set_list=[ec2_filters(one) for one in tag_set]) if tag_set else None


def _key(one: TagFilter) -> str | None:
    return one.key or None


def _value(one: TagFilter) -> str | None:
    return one.value or (None if one.type is TagFilterType.KEY_ONLY else "")


def style_info(aws: AwsGroup, platform: ComputePlatform) -> shapes.DeploymentStyle:
    """Return the style, where none was said that of the platform."""
    style = aws.style_on(platform)
    return shapes.DeploymentStyle(
        deployment_type=style.type.value, deployment_option=style.option.value
    )


def alarm_info(alarms: Alarms) -> shapes.AlarmConfiguration:
    """Return alarms."""
    return shapes.AlarmConfiguration(
        enabled=alarms.enabled,
        ignore_poll_alarm_failure=alarms.ignore_poll_failure,
        alarms=[shapes.Alarm(name=name) for name in alarms.names],
    )


def _triggers(aws: AwsGroup) -> list[shapes.TriggerConfig]:
    return [
        shapes.TriggerConfig(
            trigger_name=one.name,
            trigger_target_arn=one.topic_arn,
            trigger_events=[event.value for event in one.events],
        )
        for one in aws.triggers
    ]


def blue_green_info(settings: BlueGreen) -> shapes.BlueGreenDeploymentConfiguration:
    """Return settings of blue/green deployments."""
    terminate, ready, fleet = settings.terminate, settings.ready, settings.green_fleet
    return shapes.BlueGreenDeploymentConfiguration(
        terminate_blue_instances_on_deployment_success=terminate
        and shapes.BlueInstanceTerminationOption(
            action=terminate.action.value, termination_wait_time_in_minutes=terminate.wait_minutes
        ),
        deployment_ready_option=ready
        and shapes.DeploymentReadyOption(
            action_on_timeout=ready.action.value, wait_time_in_minutes=ready.wait_minutes
        ),
        green_fleet_provisioning_option=fleet
        and shapes.GreenFleetProvisioningOption(action=fleet.value),
    )


def _pair(pair: TargetGroupPair) -> shapes.TargetGroupPairInfo:
    test = pair.test_listeners
    return shapes.TargetGroupPairInfo(
        target_groups=_target_groups(pair.target_groups),
        prod_traffic_route=shapes.TrafficRoute(listener_arns=list(pair.prod_listeners)),
        test_traffic_route=None if test is None else shapes.TrafficRoute(listener_arns=list(test)),
    )


def _target_groups(names: Iterable[str]) -> list[shapes.TargetGroupInfo]:
    return [shapes.TargetGroupInfo(name=name) for name in names]


def ec2_options_info(
    suspended: Iterable[ScalingProcess] | None,
) -> shapes.EC2DeploymentOptions | None:
    """Return what Auto Scaling groups have suspended, if anything was said of it."""
    if suspended is None:
        return None
    names = [process.value for process in suspended]
    return shapes.EC2DeploymentOptions(auto_scaling_group_processes_to_suspend=names)


def _services(aws: AwsGroup) -> list[shapes.ECSService] | None:
    services = [
        shapes.ECSService(cluster_name=one.cluster, service_name=one.service)
        for one in aws.ecs_services
    ]
    return services or None
