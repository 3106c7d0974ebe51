"""Use cases on deployment groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.domain.alarms import Alarms
from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.configs import DEFAULT_CONFIG
from tidegate.domain.deployment import AutoRollback, ComputePlatform
from tidegate.domain.ec2 import Ec2Options
from tidegate.domain.errors import GroupExists, GroupNotFound, HostNotFound, InUse, Invalid
from tidegate.domain.group import FEWEST_REVISIONS, MOST_REVISIONS, Application, Group, HostOptions
from tidegate.domain.group_limits import Wanted, check_limits
from tidegate.domain.ids import DeploymentId, GroupId
from tidegate.domain.platform_rules import NOT_ON_PREMISES
from tidegate.domain.resource_tags import check_resource_tags
from tidegate.domain.tag_filters import TagFilter, TagFilterType, Tags, TagSet
from tidegate.engine.checks import check_name, check_tag, check_variables
from tidegate.engine.host_ways import check_ssh, check_ssm
from tidegate.engine.instance_groups import Ec2Request, with_ec2
from tidegate.engine.service_groups import ServiceRequest, with_service
from tidegate.messages import advance_now
from tidegate.store.unit_of_work import UnitOfWork

MOST_TAG_LISTS: Final = 3
MOST_TAG_FILTERS: Final = 10
MOST_HOST_NAMES: Final = 1000
MOST_GROUPS: Final = 1000
"""Of an application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """What a deployment group is wanted to be."""

    config_name: str | None = None
    """None stands for CodeDeploy's default of the compute platform."""
    tag_set: TagSet = ()
    hosts: tuple[str, ...] = ()
    auto_rollback: AutoRollback = field(default_factory=AutoRollback)
    ssh: Mapping[str, object] = field(default_factory=dict)
    ssm: Mapping[str, object] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    host_options: HostOptions = field(default_factory=HostOptions)
    aws: AwsGroup | None = None
    """None leaves what only CodeDeploy's own API can say as it is."""
    alarms: Alarms | None = None
    """None leaves them as they are."""
    service_role_arn: str | None = None
    """None leaves it as it is, and an empty one takes it away."""
    service: ServiceRequest = field(default_factory=ServiceRequest)
    ec2: Ec2Request | None = None
    """None leaves which EC2 instances it has, and how they are reached, as it is."""


def create_group(
    application_name: str,
    name: str,
    request: GroupRequest,
    *,
    uow: UnitOfWork,
    tags: Mapping[str, str] | None = None,
) -> Group:
    """Create a deployment group.

    Raises:
        ApplicationNotFound, ConfigNotFound, HostNotFound: What it names is not there.
        Invalid: A value cannot be taken, or the application has too many groups.
        GroupExists, EcsServiceTaken: Another group has its name, or its ECS service.
    """
    application = uow.catalog.application(application_name)
    check_name("deployment group", name)
    aws, config_name, ssh = _checked(application, request, AwsGroup(), uow)
    _check_place(application, name, tags or {}, uow)
    group = Group(
        id=GroupId(uow.ids.unique()),
        application_id=application.id,
        application=application.name,
        compute_platform=application.compute_platform,
        name=name,
        config_name=config_name,
        tag_set=request.tag_set,
        hosts=request.hosts,
        auto_rollback=request.auto_rollback,
        ssh=ssh,
        ssm=check_ssm(request.ssm),
        variables=request.variables,
        host_options=request.host_options,
        aws=aws,
        ec2=_ec2(request, Ec2Options()),
        created_at=uow.now(),
    )
    uow.catalog.add_group(group, tags=tags)
    return group


def replace_group(
    application_name: str,
    name: str,
    request: GroupRequest,
    *,
    uow: UnitOfWork,
    new_name: str | None = None,
) -> Group:
    """Make a deployment group what *request* says; an active deployment goes on as it began.

    Raises:
        ApplicationNotFound, GroupNotFound, ConfigNotFound, HostNotFound: It is not there.
        Invalid: A value cannot be taken.
        GroupExists: The application has another one of the new name.
        EcsServiceTaken: Another group has its ECS service.
    """
    application = uow.catalog.application(application_name)
    new_name = name if new_name is None else new_name
    group = lock_group(application_name, name, new_name, uow=uow)
    aws, config_name, ssh = _checked(application, request, group.aws, uow)
    changed = replace(
        group,
        name=new_name,
        config_name=config_name,
        tag_set=request.tag_set,
        hosts=request.hosts,
        auto_rollback=request.auto_rollback,
        ssh=ssh,
        ssm=check_ssm(request.ssm),
        variables=request.variables,
        host_options=request.host_options,
        ec2=_ec2(request, group.ec2),
        aws=aws,
    )
    uow.catalog.save_group(changed)
    uow.catalog.rename_in_history(group.id, new_name)
    return changed


def lock_group(application_name: str, name: str, new_name: str, *, uow: UnitOfWork) -> Group:
    """Return a group that nobody else changes until the commit, and that may get *new_name*.

    A deployment is locked before its group, as by whoever ends it; so those that there are get
    the new name first.

    Raises:
        GroupNotFound: There is none.
        Invalid: The new name cannot be taken.
        GroupExists: The application has another one of the new name.
    """
    if new_name != name:
        check_name("deployment group", new_name)
        group = uow.catalog.group(application_name, name)
        if _exists(application_name, new_name, uow):
            raise GroupExists(new_name)
        uow.catalog.rename_in_history(group.id, new_name)
    return uow.catalog.group(application_name, name, lock=True)


def delete_group(
    application_name: str, name: str, *, uow: UnitOfWork, even_while_deploying: bool = False
) -> None:
    """Delete a deployment group; its deployments stay as history.

    *even_while_deploying* is CodeDeploy's way: what runs comes to its end, what has not started
    fails, and nobody finds the group any more.

    Raises:
        ApplicationNotFound, GroupNotFound: It is not there.
        InUse: One of its deployments is active.
    """
    uow.catalog.application(application_name)
    group = uow.catalog.group(application_name, name)
    if even_while_deploying:
        if group.active_deployment_id is not None:
            wake_all([group.active_deployment_id], uow=uow)
        uow.catalog.orphan_group(group.id)
    if not uow.catalog.delete_idle_group(group.id) and not even_while_deploying:
        active = uow.catalog.active_deployment_of(group.application_id, group.id)
        raise InUse(
            f"The deployment group {name!r} has an active deployment {active}; "
            f"wait for it or stop it with `tidegate stop {active}`."
        )


def wake_all(active: Iterable[DeploymentId], *, uow: UnitOfWork) -> None:
    """Have deployments looked at that lose their group, before the group is touched.

    Whoever ends a deployment locks it before its group, too.
    """
    for deployment_id in sorted(active):
        advance_now(uow, deployment_id)


def _aws(application: Application, request: GroupRequest, before: AwsGroup) -> AwsGroup:
    aws = request.aws or before
    if request.alarms is not None:
        aws = replace(aws, alarms=request.alarms)
    if request.service_role_arn is not None:
        aws = replace(aws, service_role_arn=request.service_role_arn)
    platform = application.compute_platform
    aws = with_ec2(aws, request.ec2, platform)
    check_limits(Wanted(aws=aws, on_premises=Tags(), auto_rollback=request.auto_rollback))
    return with_service(aws, request.service, platform, request.auto_rollback)


def _ec2(request: GroupRequest, before: Ec2Options) -> Ec2Options:
    return before if request.ec2 is None else request.ec2.options


def _checked(
    application: Application, request: GroupRequest, before: AwsGroup, uow: UnitOfWork
) -> tuple[AwsGroup, str, dict[str, object]]:
    aws = _aws(application, request, before)
    platform = application.compute_platform
    config = uow.catalog.config(request.config_name or DEFAULT_CONFIG[platform])
    if config.compute_platform is not platform:
        raise Invalid(
            f"The deployment config {config.name!r} is for {config.compute_platform}, the "
            f"application {application.name!r} for {platform}; choose one for {platform}.",
            code="InvalidDeploymentConfigNameException",
        )
    if platform is not ComputePlatform.SERVER and (request.hosts or request.tag_set):
        raise Invalid(f"A deployment group for {platform} takes neither hosts nor tag_filters.")
    _check_style(aws, request)
    _check_hosts(request.hosts, uow)
    _check_tag_set(request.tag_set)
    _check_tag_set(() if request.ec2 is None else request.ec2.tag_set)
    check_variables(request.variables)
    _check_options(request.host_options)
    return aws, config.name, _checked_ssh(request.ssh)


def _checked_ssh(settings: Mapping[str, object]) -> dict[str, object]:
    """Return what is set of *settings*, which SSH can use for all hosts of a group."""
    given = check_ssh(settings)
    host_key = str(given.get("host_key", ""))
    if host_key and not any(line.startswith("@cert-authority") for line in host_key.splitlines()):
        raise Invalid(
            "A deployment group has many hosts, and each has a key of its own: its ssh.host_key "
            "is that of an authority, '@cert-authority ssh-ed25519 AAAA…'; "
            "give the key of one host with `tidegate host set`."
        )
    return given


def _check_style(aws: AwsGroup, request: GroupRequest) -> None:
    is_on_premises = bool(request.hosts or request.tag_set)
    if is_on_premises and aws.style is not None and aws.style.is_blue_green:
        raise Invalid(NOT_ON_PREMISES)


def _check_options(options: HostOptions) -> None:
    if not FEWEST_REVISIONS <= options.max_revisions <= MOST_REVISIONS:
        raise Invalid(
            f"A host cannot keep {options.max_revisions} revisions; max_revisions is "
            f"{FEWEST_REVISIONS} to {MOST_REVISIONS}."
        )


def _check_hosts(hosts: tuple[str, ...], uow: UnitOfWork) -> None:
    if len(hosts) > MOST_HOST_NAMES:
        raise Invalid(f"These are {len(hosts)} hosts; the limit is {MOST_HOST_NAMES}.")
    for twice in (host for index, host in enumerate(hosts) if host in hosts[:index]):
        raise Invalid(f"The host {twice!r} is named twice.")
    for unknown in uow.catalog.unknown_hosts(hosts):
        raise HostNotFound(unknown)


def _check_tag_set(tag_set: TagSet) -> None:
    code = "InvalidTagFilterException"
    if len(tag_set) > MOST_TAG_LISTS:
        raise Invalid(
            f"tag_filters has {len(tag_set)} lists; the limit is {MOST_TAG_LISTS}.", code=code
        )
    for either in tag_set:
        if not 1 <= len(either) <= MOST_TAG_FILTERS:
            raise Invalid(
                f"A list in tag_filters has {len(either)} filters; it must have 1 to "
                f"{MOST_TAG_FILTERS}.",
                code=code,
            )
        for tag_filter in either:
            _check_filter(tag_filter)


def _check_filter(tag_filter: TagFilter) -> None:
    needs_key = tag_filter.type is not TagFilterType.VALUE_ONLY
    check_tag(tag_filter.key if needs_key else "any", tag_filter.value)


def _check_place(
    application: Application, name: str, tags: Mapping[str, str], uow: UnitOfWork
) -> None:
    check_resource_tags(tags)
    if _exists(application.name, name, uow):
        raise GroupExists(name)
    if uow.catalog.count_groups(application.id) >= MOST_GROUPS:
        raise Invalid(
            f"The application {application.name!r} has {MOST_GROUPS} deployment groups already, "
            "which is the limit; delete one first with `tidegate group delete`.",
            code="DeploymentGroupLimitExceededException",
        )


def _exists(application_name: str, name: str, uow: UnitOfWork) -> bool:
    try:
        uow.catalog.group(application_name, name)
    except GroupNotFound:
        return False
    return True
