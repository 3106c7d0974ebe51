"""Operations on on-premises instances: hosts, as CodeDeploy sees them."""

import contextlib
import re
from collections.abc import Sequence
from typing import Final

from tidegate.domain.arn import host_user_arn, instance_arn
from tidegate.domain.errors import HostNotFound, IamArnTaken, InstanceNotRegistered
from tidegate.domain.host import Host, Origin
from tidegate.engine.checks import MOST_TAGS as MOST_TAGS_OF_HOST
from tidegate.engine.groups import MOST_TAG_FILTERS
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
_BAD_FILTER: Final = "InvalidTagFilterException"
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
    identity = _identity(wanted)
    _check_user(identity.iam_user_arn, name, call)
    register_instance(name, identity, uow=call.uow)


def deregister(call: Call, wanted: DeregisterOnPremisesInstanceInput) -> None:
    name = instance_name(wanted.instance_name)
    with contextlib.suppress(HostNotFound):
        deregister_instance(name, uow=call.uow)


def get(call: Call, wanted: GetOnPremisesInstanceInput) -> GetOnPremisesInstanceOutput:
    name = instance_name(wanted.instance_name)
    host = call.uow.catalog.find_host(name)
    if host is None or host.origin is not Origin.REGISTERED:
        raise InstanceNotRegistered(name)
    return GetOnPremisesInstanceOutput(instance_info=_info(host, call))


def batch_get(
    call: Call, wanted: BatchGetOnPremisesInstancesInput
) -> BatchGetOnPremisesInstancesOutput:
    found = call.uow.catalog.hosts_named(_names(wanted.instance_names))
    mine = [one for one in found if one.origin is Origin.REGISTERED]
    return BatchGetOnPremisesInstancesOutput(instance_infos=[_info(one, call) for one in mine])


def list_(call: Call, wanted: ListOnPremisesInstancesInput) -> ListOnPremisesInstancesOutput:
    status = wanted.registration_status
    if status is not None and status not in _STATUSES:
        raise AwsError(
            "InvalidRegistrationStatusException",
            f"{status[:40]!r} is no registration status; there are: {', '.join(_STATUSES)}.",
        )
    filters = read_filters(wanted.tag_filters, _BAD_FILTER)
    if len(filters) > MOST_TAG_FILTERS:
        raise AwsError(
            _BAD_FILTER, f"These are {len(filters)} filters; the limit is {MOST_TAG_FILTERS}."
        )
    found = call.uow.catalog.instances_page(
        limit=PAGE + 1,
        after=read_name(_LIST, wanted.next_token),
        registered=None if status is None else _STATUSES[status],
        filters=filters,
    )
    names, token = page_of(_LIST, [one.name for one in found])
    return ListOnPremisesInstancesOutput(instance_names=names, next_token=token)


def add_tags(call: Call, wanted: AddTagsToOnPremisesInstancesInput) -> None:
    names, tags = _many_names(wanted.instance_names), _tags(wanted.tags, most=MOST_TAGS)
    if not all(value for _, value in tags):
        raise AwsError("InvalidTagException", "A tag needs a Value.")
    tag_instances(names, dict(tags), uow=call.uow)


def remove_tags(call: Call, wanted: RemoveTagsFromOnPremisesInstancesInput) -> None:
    # `aws deploy deregister` sends all that a host has, and `/v1` allows more, and no values.
    names, tags = _many_names(wanted.instance_names), _tags(wanted.tags, most=MOST_TAGS_OF_HOST)
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


def _check_user(arn: str, name: str, call: Call) -> None:
    """Refuse the user that stands for another host."""
    place = call.trail.region, call.trail.account
    if arn.startswith(host_user_arn(*place, "")) and arn != host_user_arn(*place, name):
        raise IamArnTaken(arn, is_user=True)


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


def _tags(tags: Sequence[Tag] | None, *, most: int) -> list[tuple[str, str]]:
    if not tags:
        raise AwsError("TagRequiredException", "At least one tag must be specified")
    if len(tags) > most:
        raise AwsError(
            "TagLimitExceededException", f"These are {len(tags)} tags; the limit is {most}."
        )
    for one in tags:
        if not 1 <= len(one.key or "") <= LONGEST_KEY:
            raise AwsError("InvalidTagException", f"A tag's Key has 1 to {LONGEST_KEY} characters.")
        if len(one.value or "") > LONGEST_VALUE:
            raise AwsError(
                "InvalidTagException", f"A tag's Value has {LONGEST_VALUE} characters at most."
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
    return host_user_arn(region, account, host.name)
