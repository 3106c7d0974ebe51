"""Use cases on deployment groups as CodeDeploy's own API has them: what is absent stays."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Final

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import (
    AwsGroup,
    BlueGreen,
    EcsService,
    LoadBalancers,
    OutdatedInstances,
    Style,
    TerminateBlue,
    Trigger,
    WhenReady,
)
from tidegate.domain.deployment import AutoRollback, ComputePlatform
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.group import Group
from tidegate.domain.group_limits import Wanted
from tidegate.domain.platform_rules import check_resent, check_wanted
from tidegate.domain.tag_filters import TagFilter, Tags, TagSet, tags_of
from tidegate.engine.groups import GroupRequest, create_group, lock_group, replace_group
from tidegate.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsGroupRequest:
    """What is said of a group. None says nothing, and what is empty clears."""

    config_name: str | None = None
    auto_rollback: AutoRollback | None = None
    tag_filters: tuple[TagFilter, ...] | None = None
    tag_sets: TagSet | None = None
    ec2_tag_filters: tuple[TagFilter, ...] | None = None
    ec2_tag_sets: TagSet | None = None
    service_role_arn: str | None = None
    style: Style | None = None
    alarms: Alarms | None = None
    triggers: tuple[Trigger, ...] | None = None
    blue_green: BlueGreen | None = None
    load_balancers: LoadBalancers | None = None
    auto_scaling_groups: tuple[str, ...] | None = None
    outdated_instances: OutdatedInstances | None = None
    termination_hook: bool | None = None
    suspended_processes: tuple[ScalingProcess, ...] | None = None
    ecs_services: tuple[EcsService, ...] | None = None


_PLAIN: Final = {f.name for f in fields(AwsGroup)} & {f.name for f in fields(AwsGroupRequest)}
"""What a request says in the very words of the group."""


def create_aws_group(
    application_name: str,
    name: str,
    request: AwsGroupRequest,
    *,
    uow: UnitOfWork,
    tags: Mapping[str, str] | None = None,
) -> Group:
    """Create a deployment group.

    Raises:
        ApplicationNotFound, ConfigNotFound: What it names is not there.
        Invalid: A value cannot be taken, or the application has too many groups.
        GroupExists: The application has one of that name.
        EcsServiceTaken: Another group has its ECS service.
    """
    platform = uow.catalog.application(application_name).compute_platform
    wanted = _changed(platform, _NEW, request)
    check_wanted(platform, wanted)
    settled = GroupRequest(
        config_name=request.config_name or None,
        tag_set=wanted.on_premises.tag_set,
        auto_rollback=wanted.auto_rollback,
        aws=wanted.aws,
    )
    return create_group(application_name, name, settled, uow=uow, tags=tags)


def update_aws_group(
    application_name: str,
    name: str,
    request: AwsGroupRequest,
    *,
    uow: UnitOfWork,
    new_name: str | None = None,
) -> Group:
    """Change what *request* speaks of; an active deployment goes on as it began.

    Raises:
        ApplicationNotFound, GroupNotFound, ConfigNotFound: It is not there.
        Invalid: A value cannot be taken.
        GroupExists: The application has another one of the new name.
        EcsServiceTaken: Another group has its ECS service.
    """
    platform = uow.catalog.application(application_name).compute_platform
    group = lock_group(application_name, name, name if new_name is None else new_name, uow=uow)
    wanted = _changed(platform, wanted_of(group), request)
    check_wanted(platform, wanted)
    if request.blue_green is not None:
        check_resent(wanted.aws, request.auto_scaling_groups)
    settled = GroupRequest(
        config_name=request.config_name or group.config_name,
        tag_set=wanted.on_premises.tag_set,
        hosts=group.hosts,
        auto_rollback=wanted.auto_rollback,
        ssh=group.ssh,
        ssm=group.ssm,
        variables=group.variables,
        host_options=group.host_options,
        aws=wanted.aws,
    )
    return replace_group(application_name, name, settled, uow=uow, new_name=new_name)


_NEW: Final = Wanted(aws=AwsGroup(), on_premises=Tags(), auto_rollback=AutoRollback())


def wanted_of(group: Group) -> Wanted:
    """Return a group as the rules look at it."""
    return Wanted(
        aws=group.aws,
        on_premises=tags_of(group.tag_set, as_sets=group.aws.tags_are_sets),
        auto_rollback=group.auto_rollback,
    )


def _changed(platform: ComputePlatform, now: Wanted, request: AwsGroupRequest) -> Wanted:
    """Return what a group becomes when *request* is taken at its word."""
    on_premises = _tags(now.on_premises, request.tag_filters, request.tag_sets)
    ec2 = _tags(now.aws.ec2_tags, request.ec2_tag_filters, request.ec2_tag_sets)
    said = {name: value for name in _PLAIN if (value := getattr(request, name)) is not None}
    if request.alarms is not None:
        # CodeDeploy's clients know of no checks, so they cannot mean to take them away.
        said["alarms"] = replace(request.alarms, checks=now.aws.alarms.checks)
    aws = replace(now.aws, **said, ec2_tags=ec2, tags_are_sets=bool(on_premises.sets))
    return Wanted(
        aws=_tidied(platform, aws),
        on_premises=on_premises,
        auto_rollback=now.auto_rollback if request.auto_rollback is None else request.auto_rollback,
        # A group of /v1 may have several; they stay as long as nobody speaks of them here.
        takes_several_pairs=request.load_balancers is None,
    )


def _tags(now: Tags, flat: tuple[TagFilter, ...] | None, sets: TagSet | None) -> Tags:
    return Tags(flat=now.flat if flat is None else flat, sets=now.sets if sets is None else sets)


def _tidied(platform: ComputePlatform, aws: AwsGroup) -> AwsGroup:
    """Return *aws* without what is empty, and with the waits that clients of ECS count on."""
    blue_green = None if aws.blue_green == BlueGreen() else aws.blue_green
    if blue_green is not None and platform is ComputePlatform.ECS:
        blue_green = replace(
            blue_green,
            terminate=blue_green.terminate or TerminateBlue(),
            ready=blue_green.ready or WhenReady(),
        )
    balancers = aws.load_balancers
    return replace(
        aws,
        blue_green=blue_green,
        load_balancers=None if balancers is None or balancers.is_empty else balancers,
        suspended_processes=aws.suspended_processes or None,
    )
