"""What a request says of a deployment group, as values."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import (
    BlueGreen,
    DeploymentOption,
    DeploymentType,
    EcsService,
    GreenFleet,
    InstanceAction,
    LoadBalancers,
    OutdatedInstances,
    ReadyAction,
    Style,
    TargetGroupPair,
    TerminateBlue,
    Trigger,
    TriggerEvent,
    WhenReady,
)
from tidegate.domain.deployment import AutoRollback, RollbackEvent
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.tag_filters import TagSet
from tidegate.engine.aws_groups import AwsGroupRequest
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.names import config_name
from tidegate_api.codedeploy.shapes import group_settings as shapes
from tidegate_api.codedeploy.shapes import tags as tag_shapes
from tidegate_api.codedeploy.shapes.groups import (
    CreateDeploymentGroupInput,
    UpdateDeploymentGroupInput,
)
from tidegate_api.codedeploy.tag_filters import read_filters

E = TypeVar("E", bound=StrEnum)
S = TypeVar("S")
V = TypeVar("V")
Filters = Sequence[tag_shapes.TagFilter] | Sequence[tag_shapes.EC2TagFilter]

_EC2_TAG: Final = "InvalidEC2TagException"
_TAG: Final = "InvalidTagException"
_STYLE: Final = "InvalidDeploymentStyleException"
_BLUE_GREEN: Final = "InvalidBlueGreenDeploymentConfigurationException"
_DEFAULT_CLUSTER: Final = "default"


def read_group(wanted: CreateDeploymentGroupInput | UpdateDeploymentGroupInput) -> AwsGroupRequest:
    """Return what *wanted* says; what it does not say is None.

    Raises:
        AwsError: A value is none of those that there are, or one is missing that belongs to it.
    """
    return AwsGroupRequest(
        config_name=maybe(read_config, wanted.deployment_config_name),
        auto_rollback=maybe(read_rollback, wanted.auto_rollback_configuration),
        tag_filters=maybe(read_filters, wanted.on_premises_instance_tag_filters, _TAG),
        tag_sets=maybe(_read_on_premises_sets, wanted.on_premises_tag_set),
        ec2_tag_filters=maybe(read_filters, wanted.ec2_tag_filters, _EC2_TAG),
        ec2_tag_sets=maybe(_read_ec2_sets, wanted.ec2_tag_set),
        service_role_arn=_read_role(wanted),
        style=maybe(_read_style, wanted.deployment_style),
        alarms=maybe(read_alarms, wanted.alarm_configuration),
        triggers=maybe(_read_triggers, wanted.trigger_configurations),
        blue_green=maybe(_read_blue_green, wanted.blue_green_deployment_configuration),
        load_balancers=maybe(_read_load_balancers, wanted.load_balancer_info),
        auto_scaling_groups=maybe(tuple, wanted.auto_scaling_groups),
        outdated_instances=_read_outdated(wanted.outdated_instances_strategy),
        termination_hook=wanted.termination_hook_enabled,
        suspended_processes=maybe(read_processes, wanted.ec2_deployment_options),
        ecs_services=maybe(_read_services, wanted.ecs_services),
    )


def read_alarms(wanted: shapes.AlarmConfiguration) -> Alarms:
    """Return an alarm configuration."""
    return Alarms(
        enabled=wanted.enabled or False,
        ignore_poll_failure=wanted.ignore_poll_alarm_failure or False,
        names=tuple(alarm.name or "" for alarm in wanted.alarms or ()),
    )


def read_rollback(wanted: shapes.AutoRollbackConfiguration) -> AutoRollback:
    """Return an automatic rollback.

    Raises:
        AwsError: One of its events is none.
    """
    code = "InvalidAutoRollbackConfigException"
    events = [one_of(RollbackEvent, event, code) for event in wanted.events or ()]
    return AutoRollback(enabled=wanted.enabled or False, events=tuple(dict.fromkeys(events)))


def _read_role(wanted: CreateDeploymentGroupInput | UpdateDeploymentGroupInput) -> str | None:
    role = wanted.service_role_arn
    if not role and isinstance(wanted, CreateDeploymentGroupInput):
        raise AwsError("RoleRequiredException", "The service role must be specified")
    if role == "":
        raise AwsError("InvalidRoleException", "A deployment group cannot be without its role.")
    return role


def read_config(name: str) -> str:
    """Return the name of a config that was said.

    Raises:
        AwsError: It is none that a config can have.
    """
    if not name:
        raise AwsError("InvalidDeploymentConfigNameException", "The name of a config is not empty.")
    return config_name(name)


def _read_ec2_sets(wanted: tag_shapes.EC2TagSet) -> TagSet:
    return _read_sets(wanted.ec2_tag_set_list or (), _EC2_TAG)


def _read_on_premises_sets(wanted: tag_shapes.OnPremisesTagSet) -> TagSet:
    return _read_sets(wanted.on_premises_tag_set_list or (), _TAG)


def _read_sets(sets: Sequence[Filters], code: str) -> TagSet:
    for either in sets:
        if not either:
            raise AwsError(code, "A list in a tag set must have at least one tag.")
    return tuple(read_filters(either, code) for either in sets)


def _read_style(wanted: shapes.DeploymentStyle) -> Style:
    if not wanted.deployment_type or not wanted.deployment_option:
        raise AwsError(_STYLE, "Deployment type or deployment option cannot be null or empty")
    if wanted.deployment_option not in set(DeploymentOption):
        raise AwsError(
            _STYLE,
            "Deployment option can only be WITH_TRAFFIC_CONTROL or WITHOUT_TRAFFIC_CONTROL",
        )
    kind = one_of(DeploymentType, wanted.deployment_type, _STYLE)
    return Style(kind, DeploymentOption(wanted.deployment_option))


def _read_triggers(wanted: Sequence[shapes.TriggerConfig]) -> tuple[Trigger, ...]:
    return tuple(
        Trigger(
            name=one.trigger_name or "",
            topic_arn=one.trigger_target_arn or "",
            events=_read_events(one.trigger_events or ()),
        )
        for one in wanted
    )


def _read_events(wanted: Sequence[str]) -> tuple[TriggerEvent, ...]:
    events = [one_of(TriggerEvent, event, "InvalidTriggerConfigException") for event in wanted]
    return tuple(dict.fromkeys(events))


def _read_blue_green(wanted: shapes.BlueGreenDeploymentConfiguration) -> BlueGreen:
    return BlueGreen(
        terminate=maybe(_read_termination, wanted.terminate_blue_instances_on_deployment_success),
        ready=maybe(_read_ready, wanted.deployment_ready_option),
        green_fleet=maybe(_read_green_fleet, wanted.green_fleet_provisioning_option),
    )


def _read_termination(wanted: shapes.BlueInstanceTerminationOption) -> TerminateBlue:
    default = TerminateBlue()
    action = one_of(InstanceAction, wanted.action or default.action, _BLUE_GREEN)
    return TerminateBlue(action, wanted.termination_wait_time_in_minutes or default.wait_minutes)


def _read_ready(wanted: shapes.DeploymentReadyOption) -> WhenReady:
    default = WhenReady()
    action = one_of(ReadyAction, wanted.action_on_timeout or default.action, _BLUE_GREEN)
    return WhenReady(action, wanted.wait_time_in_minutes or default.wait_minutes)


def _read_green_fleet(wanted: shapes.GreenFleetProvisioningOption) -> GreenFleet:
    return one_of(GreenFleet, wanted.action or "", _BLUE_GREEN)


def _read_load_balancers(wanted: shapes.LoadBalancerInfo) -> LoadBalancers:
    pairs = wanted.target_group_pair_info_list
    return LoadBalancers(
        elbs=maybe(_names, wanted.elb_info_list),
        target_groups=maybe(_names, wanted.target_group_info_list),
        pairs=None if pairs is None else tuple(_read_pair(pair) for pair in pairs),
    )


def _read_pair(wanted: shapes.TargetGroupPairInfo) -> TargetGroupPair:
    prod, test = wanted.prod_traffic_route, wanted.test_traffic_route
    return TargetGroupPair(
        target_groups=_names(wanted.target_groups or ()),
        prod_listeners=_listeners(prod) if prod else (),
        test_listeners=_listeners(test) if test else None,
    )


def _names(infos: Sequence[shapes.ELBInfo] | Sequence[shapes.TargetGroupInfo]) -> tuple[str, ...]:
    return tuple(info.name or "" for info in infos)


def _listeners(route: shapes.TrafficRoute) -> tuple[str, ...]:
    return tuple(route.listener_arns or ())


def _read_outdated(wanted: str | None) -> OutdatedInstances | None:
    return None if wanted is None else one_of(OutdatedInstances, wanted, "InvalidInputException")


def read_processes(wanted: shapes.EC2DeploymentOptions) -> tuple[ScalingProcess, ...]:
    """Return what Auto Scaling groups have suspended.

    Raises:
        AwsError: One of the processes is none.
    """
    code = "InvalidAutoScalingGroupProcessToSuspendException"
    names = wanted.auto_scaling_group_processes_to_suspend or ()
    return tuple(one_of(ScalingProcess, name, code) for name in names)


def _read_services(wanted: Sequence[shapes.ECSService]) -> tuple[EcsService, ...]:
    return tuple(
        EcsService(cluster=one.cluster_name or _DEFAULT_CLUSTER, service=one.service_name or "")
        for one in wanted
    )


def one_of(kind: type[E], name: str, code: str) -> E:
    """Return the value of that name.

    Raises:
        AwsError: There is none; *code* is what the operation calls that.
    """
    try:
        return kind(name)
    except ValueError:
        raise AwsError(code, f"{name[:40]!r} is none of: {', '.join(kind)}.") from None


def maybe(read: Callable[..., V], wanted: S | None, *more: str) -> V | None:
    """Return what *read* makes of what was said, and None where nothing was."""
    return None if wanted is None else read(wanted, *more)
