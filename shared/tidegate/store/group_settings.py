"""What a group settles, as the JSON of its row and of its deployments, and as values again."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TypedDict

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.deployment import AutoRollback
from tidegate.domain.ec2 import Ec2Options, InstanceAddress, Reach
from tidegate.domain.group import HostOptions, OnStop, WorkingDirectory
from tidegate.domain.tag_filters import TagSet


class GroupSettings(TypedDict):
    """What a row's settings say, as values of the domain."""

    tag_set: TagSet
    hosts: tuple[str, ...]
    auto_rollback: AutoRollback
    ssh: Mapping[str, object]
    ssm: Mapping[str, object]
    variables: Mapping[str, str]
    host_options: HostOptions
    ec2: Ec2Options
    aws: AwsGroup


def host_options_from_json(settings: Mapping[str, Any]) -> HostOptions:
    """Return the options of a row; what it is too old to have is as it was then."""
    known = {**asdict(HostOptions()), **settings}
    return HostOptions(
        working_directory=WorkingDirectory(known["working_directory"]),
        sudo=known["sudo"],
        allow_setid=known["allow_setid"],
        on_stop=OnStop(known["on_stop"]),
        max_revisions=known["max_revisions"],
    )


def ec2_from_json(settings: Mapping[str, Any] | None) -> Ec2Options:
    """Return how instances are reached; a row that is too old to say so has the defaults."""
    known = {**asdict(Ec2Options()), **(settings or {})}
    return Ec2Options(
        reach=Reach(known["reach"]),
        address=InstanceAddress(known["address"]),
        host_ca=known["host_ca"],
        trust_on_first_use=known["trust_on_first_use"],
    )
