"""Operations on on-premises instances: hosts, as CodeDeploy sees them."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from tidegate.domain.arn import instance_arn, partition_of
from tidegate.domain.errors import HostNotFound, InstanceNotRegistered
from tidegate.domain.host import Host
from tidegate.engine.instances import (
    MOST_TAGS,
    Identity,
    deregister_instance,
    register_instance,
    tag_instances,
    untag_instances,
)
from tidegate_api.codedeploy.call import Call
from tidegate_api.codedeploy.errors import AwsError
from tidegate_api.codedeploy.names import batch, instance_name
from tidegate_api.codedeploy.paging import PAGE, page_of, read_name
from tidegate_api.codedeploy.shapes.instances import (
    AddTagsToOnPremisesInstancesInput,
    BatchGetOnPremisesInstancesInput,
    BatchGetOnPremisesInstancesOutput,
    DeregisterOnPremisesInstanceInput,
    GetOnPremisesInstanceInput,
    GetOnPremisesInstanceOutput,
    InstanceInfo,
    ListOnPremisesInstancesInput,
    ListOnPremisesInstancesOutput,
    RegisterOnPremisesInstanceInput,
    RemoveTagsFromOnPremisesInstancesInput,
)
from tidegate_api.codedeploy.shapes.tags import Tag
from tidegate_api.codedeploy.tag_filters import LONGEST_KEY, LONGEST_VALUE, read_filters

MOST_AT_ONCE: Final = 100
_LIST: Final = "ListOnPremisesInstances"
_OF_EC2: Final = "i-"
_LONGEST_ARN: Final = 300
_USER: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:user/[A-Za-z0-9/+=,.@_-]+")
_SESSION: Final = re.compile(
    r"arn:aws[a-z-]*:sts::[0-9]{12}:assumed-role/[A-Za-z0-9+=,.@_-]+/[A-Za-z0-9+=,.@_-]+"
)
_STATUSES: Final = {"Registered": True, "Deregistered": False}


def register(call: Call, wanted: RegisterOnPremisesInstanceInput) -> None:
    name = instance_name(wanted.instance_name)
    if name.startswith(_OF_EC2):
        raise AwsError(
            "InvalidInstanceNameException",
            f"{name!r} cannot be the name of an on-premises instance: it begins with "
            f"{_OF_EC2!r}, as the ids of EC2 instances do.",
        )
    register_instance(name, _identity(wanted), uow=call.uow)


def deregister(call: Call, wanted: DeregisterOnPremisesInstanceInput) -> None:
    name = instance_name(wanted.instance_name)
    with contextlib.suppress(HostNotFound):
        deregister_instance(name, uow=call.uow)


def get(call: Call, wanted: GetOnPremisesInstanceInput) -> GetOnPremisesInstanceOutput:
    name = instance_name(wanted.instance_name)
    host = call.uow.catalog.find_host(name)
    if host is None:
        raise InstanceNotRegistered(name)
    return GetOnPremisesInstanceOutput(instance_info=_info(host, call))


def batch_get(
    call: Call, wanted: BatchGetOnPremisesInstancesInput
) -> BatchGetOnPremisesInstancesOutput:
    found = call.uow.catalog.hosts_named(_names(wanted.instance_names))
    return BatchGetOnPremisesInstancesOutput(instance_infos=[_info(one, call) for one in found])


def list_(call: Call, wanted: ListOnPremisesInstancesInput) -> ListOnPremisesInstancesOutput:
    status = wanted.registration_status
    if status is not None and status not in _STATUSES:
        raise AwsError(
            "InvalidRegistrationStatusException",
            f"{status[:40]!r} is no registration status; there are: {', '.join(_STATUSES)}.",
        )
    found = call.uow.catalog.instances_page(
        limit=PAGE + 1,
        after=read_name(_LIST, wanted.next_token),
        registered=None if status is None else _STATUSES[status],
        filters=read_filters(wanted.tag_filters, "InvalidTagFilterException"),
    )
    names, token = page_of(_LIST, [one.name for one in found])
    return ListOnPremisesInstancesOutput(instance_names=names, next_token=token)


def add_tags(call: Call, wanted: AddTagsToOnPremisesInstancesInput) -> None:
    names, tags = _many_names(wanted.instance_names), _tags(wanted.tags)
    tag_instances(names, dict(tags), uow=call.uow)


def remove_tags(call: Call, wanted: RemoveTagsFromOnPremisesInstancesInput) -> None:
    names, tags = _many_names(wanted.instance_names), _tags(wanted.tags)
    untag_instances(names, tags, uow=call.uow)


def _identity(wanted: RegisterOnPremisesInstanceInput) -> Identity:
    user, session = wanted.iam_user_arn or "", wanted.iam_session_arn or ""
    if user and session:
        raise AwsError(
            "MultipleIamArnsProvidedException",
            "Either the iamUserArn or the iamSessionArn must be specified, not both",
        )
    if not user and not session:
        raise AwsError("IamArnRequiredException", "An iamUserArn or iamSessionArn is required")
    for arn, pattern, kind in ((user, _USER, "User"), (session, _SESSION, "Session")):
        if arn and (len(arn) > _LONGEST_ARN or not pattern.fullmatch(arn)):
            raise AwsError(
                f"InvalidIam{kind}ArnException",
                f"{arn[:100]!r} is no ARN of an IAM {kind.lower()}.",
            )
    return Identity(iam_user_arn=user, iam_session_arn=session)


def _names(names: Sequence[str] | None) -> list[str]:
    asked = batch(names, most=MOST_AT_ONCE, what="instance names", required="InstanceName")
    return [instance_name(name) for name in asked]


def _many_names(names: Sequence[str] | None) -> list[str]:
    if names and len(names) > MOST_AT_ONCE:
        raise AwsError(
            "InstanceLimitExceededException",
            f"These are {len(names)} instances; the limit of one request is {MOST_AT_ONCE}.",
        )
    return _names(names)


def _tags(tags: Sequence[Tag] | None) -> list[tuple[str, str]]:
    if not tags:
        raise AwsError("TagRequiredException", "At least one tag must be specified")
    if len(tags) > MOST_TAGS:
        raise AwsError(
            "TagLimitExceededException", f"These are {len(tags)} tags; the limit is {MOST_TAGS}."
        )
    for one in tags:
        if not 1 <= len(one.key or "") <= LONGEST_KEY:
            raise AwsError("InvalidTagException", f"A tag's Key has 1 to {LONGEST_KEY} characters.")
        if not 1 <= len(one.value or "") <= LONGEST_VALUE:
            raise AwsError(
                "InvalidTagException", f"A tag's Value has 1 to {LONGEST_VALUE} characters."
            )
    return [(one.key or "", one.value or "") for one in tags]


def _info(host: Host, call: Call) -> InstanceInfo:
    region, account = call.trail.region, call.trail.account
    known = host.registration
    return InstanceInfo(
        instance_name=host.name,
        iam_session_arn=known.iam_session_arn or None,
        iam_user_arn=known.iam_user_arn or _user_of_none(host, region, account),
        instance_arn=instance_arn(region, account, host.name, known.suffix),
        register_time=known.registered_at,
        deregister_time=known.deregistered_at,
        tags=[Tag(key=key, value=value) for key, value in sorted(host.tags.items())],
    )


def _user_of_none(host: Host, region: str, account: str) -> str | None:
    """Return the user of a host that was made without one: clients look for one."""
    if host.registration.iam_session_arn:
        return None
    return f"arn:{partition_of(region)}:iam::{account}:user/tidegate/{host.name}"
