"""Instances of EC2, by DescribeInstances and DescribeAutoScalingGroups, always in pages."""

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Any, Final

from tidegate.domain.arn import instance_arn_of_ec2
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.instances import Instance, InstanceState, Place, Search
from tidegate.drivers.aws_calls import READ, CallFailed, aws_errors
from tidegate.drivers.aws_clients import Clients
from tidegate.drivers.instances import NotFound
from tidegate.drivers.traffic.aws_failures import Refused, Words, failed
from tidegate.planning.instances import Query, meant, queries_for

PAGE: Final = 1000
"""Instances in one answer at most, as the API reference of DescribeInstances says."""
MOST_VALUES: Final = 200
"""Of one filter, as the EC2 user guide says."""
MOST_INSTANCES: Final = 10_000
_TRIES: Final = 2
"""Two at most, for all is asked again some seconds later."""
_ALIVE: Final = ("pending", "running", "stopping", "stopped")
_GROUP_TAG: Final = "aws:autoscaling:groupName"
_WORDS: Final = Words(
    codes={"ValidationError": ErrorCode.AUTO_SCALING_CONFIGURATION},
    otherwise=ErrorCode.INTERNAL_ERROR,
    actions={
        "DescribeInstances": "ec2:DescribeInstances",
        "DescribeAutoScalingGroups": "autoscaling:DescribeAutoScalingGroups",
    },
)


class AwsInstances:
    """Asks in the region of a place, by its role where that is wanted."""

    def __init__(self, *, assume_role: bool = False, timeout: timedelta = READ) -> None:
        self._ec2 = Clients("ec2", read=timeout, tries=_TRIES, assume_role=assume_role)
        self._groups = Clients("autoscaling", read=timeout, tries=_TRIES, assume_role=assume_role)

    def find(self, search: Search) -> tuple[Instance, ...] | NotFound:
        try:
            return self._found(search)
        except (CallFailed, Refused) as error:
            return _not_found(error)

    def look(self, place: Place, ids: Collection[str]) -> tuple[Instance, ...] | NotFound:
        try:
            return tuple(self._described(place, _by_id(ids)))
        except (CallFailed, Refused) as error:
            return _not_found(error)

    def _found(self, search: Search) -> tuple[Instance, ...]:
        place = search.place
        members = self._members(place, search.auto_scaling_groups)
        queries = [*_by_id(members), *queries_for(search.tag_set)]
        alive = ("instance-state-name", _ALIVE)
        wanted: list[Instance] = []
        with closing(self._described(place, [(*query, alive) for query in queries])) as found:
            # EC2 tells of more than is meant, as `queries_for` says; that counts against nobody.
            for instance in found:
                wanted += meant(search, (instance,), members)
                if len(wanted) > MOST_INSTANCES:
                    raise Refused(
                        ErrorCode.OVER_MAX_INSTANCES,
                        f"More than {MOST_INSTANCES} instances are meant in {place.region}, which "
                        "is the limit of a deployment; narrow the tags of the deployment group",
                    )
        told = {one.id for one in wanted}
        launching = (one for id_, one in members.items() if one is not None and id_ not in told)
        return meant(search, (*wanted, *launching), members)

    def _members(self, place: Place, names: Sequence[str]) -> dict[str, Instance | None]:
        """Return the ids of the instances that Auto Scaling groups have.

        One that is being launched has what EC2 will tell of it, for at first that knows nothing.

        Raises:
            Refused: One of the groups is not there.
        """
        if not names:
            return {}
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        target = f"the Auto Scaling group {names[0]!r}{more} in {place.region}"
        with aws_errors("EC2 Auto Scaling", target):
            client = self._groups.of(place.region, place.role_arn)
            pages = client.get_paginator("describe_auto_scaling_groups")
            groups: dict[str, Any] = {
                group["AutoScalingGroupName"]: group
                for page in pages.paginate(AutoScalingGroupNames=list(names))
                for group in page.get("AutoScalingGroups") or ()
            }
        for name in names:
            if name not in groups:
                raise Refused(
                    ErrorCode.AUTO_SCALING_CONFIGURATION,
                    f"There is no Auto Scaling group {name!r} in {place.region}; create it, or "
                    "take it out of the deployment group",
                )
        return {
            one["InstanceId"]: _launching(one, group, place.region)
            for group in groups.values()
            for one in group.get("Instances") or ()
        }

    def _described(self, place: Place, queries: Iterable[Query]) -> Generator[Instance]:
        known: set[str] = set()
        for query in queries:
            for instance in self._pages(place, query):
                if instance.id not in known:
                    known.add(instance.id)
                    yield instance

    def _pages(self, place: Place, query: Query) -> Iterator[Instance]:
        filters = [{"Name": name, "Values": list(values)} for name, values in query]
        with aws_errors("EC2", f"instances in {place.region}"):
            client = self._ec2.of(place.region, place.role_arn)
            pages = client.get_paginator("describe_instances")
            for page in pages.paginate(Filters=filters, MaxResults=PAGE):
                for reservation in page.get("Reservations") or ():
                    owner = str(reservation.get("OwnerId", ""))
                    for told in reservation.get("Instances") or ():
                        yield _instance(told, place.region, owner)


def _by_id(ids: Collection[str]) -> Iterator[Query]:
    """Yield queries for instances by their ids.

    By a filter, and not by a list of ids: of those EC2 refuses all because of one.
    """
    ordered = sorted(ids)
    for start in range(0, len(ordered), MOST_VALUES):
        yield (("instance-id", tuple(ordered[start : start + MOST_VALUES])),)


def _instance(told: Mapping[str, Any], region: str, owner: str) -> Instance:
    id_, state = told.get("InstanceId"), (told.get("State") or {}).get("Name")
    if not id_ or state not in set(InstanceState):
        raise CallFailed(f"EC2 told of an instance in {region} what cannot be read", may_pass=True)
    tags = {str(tag["Key"]): str(tag.get("Value") or "") for tag in told.get("Tags") or ()}
    return Instance(
        id=id_,
        arn=instance_arn_of_ec2(region, owner, id_),
        state=InstanceState(state),
        tags=tags,
        auto_scaling_group=tags.get(_GROUP_TAG, ""),
        private_address=told.get("PrivateIpAddress") or "",
        public_address=told.get("PublicIpAddress") or "",
    )


def _launching(told: Mapping[str, Any], group: Mapping[str, Any], region: str) -> Instance | None:
    """Return a member of an Auto Scaling group, if that says that it is being launched."""
    if not str(told.get("LifecycleState", "")).startswith("Pending"):
        return None
    id_, owner = told["InstanceId"], str(group["AutoScalingGroupARN"]).split(":")[4]
    return Instance(
        id=id_,
        arn=instance_arn_of_ec2(region, owner, id_),
        state=InstanceState.PENDING,
        auto_scaling_group=group["AutoScalingGroupName"],
    )


def _not_found(error: CallFailed | Refused) -> NotFound:
    failure = failed(error, _WORDS)
    return NotFound(failure.code, failure.message, may_pass=failure.may_pass)
