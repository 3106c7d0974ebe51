"""ARNs of applications, deployment groups and deployment configs."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from typing_extensions import override

from tidegate.domain.errors import Invalid
from tidegate.domain.ids import NAME_PATTERN

_LONGEST: Final = 1011
_ARN: Final = re.compile(r"arn:([^:/]+):([^:/]+):([^:/]*):([^:/]*):([^:/]+)(|[:/].*)")
_PARTITIONS: Final = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("us-iso-", "aws-iso"),
    ("us-isob-", "aws-iso-b"),
    ("eu-isoe-", "aws-iso-e"),
    ("us-isof-", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)
"""By what the names of their regions begin with; all others are in `aws`."""


class ResourceKind(StrEnum):
    """What has tags."""

    APPLICATION = "application"
    GROUP = "deploymentgroup"
    CONFIG = "deploymentconfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """The name of a resource that is unique in the world."""

    region: str
    account: str
    kind: ResourceKind
    name: str
    """Of a group: its application's name, a slash and its own."""

    @override
    def __str__(self) -> str:
        place = f"{partition_of(self.region)}:codedeploy:{self.region}:{self.account}"
        return f"arn:{place}:{self.kind}:{self.name}"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name, of a group those of application and group."""
        return tuple(self.name.split("/"))


def partition_of(region: str) -> str:
    """Return the partition that a region belongs to."""
    return next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")


def instance_arn(region: str, account: str, name: str, suffix: str) -> str:
    """Return the ARN of an on-premises instance."""
    place = f"{partition_of(region)}:codedeploy:{region}:{account}"
    return f"arn:{place}:instance/{name}_{suffix}"


def instance_arn_of_ec2(region: str, account: str, instance_id: str) -> str:
    """Return the ARN of an EC2 instance."""
    return f"arn:{partition_of(region)}:ec2:{region}:{account}:instance/{instance_id}"


def host_user_arn(region: str, account: str, name: str) -> str:
    """Return the IAM user that stands for a host that was made without one: clients look for it."""
    return f"arn:{partition_of(region)}:iam::{account}:user/tidegate/{name}"


def parse_arn(text: str, *, region: str, account: str) -> Arn:
    """Return what an ARN names, if it is of this region and of this account, or of none.

    Raises:
        Invalid: It is no ARN, is of another place, or of a kind that has no tags.
    """
    found = _ARN.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise _invalid(text, "is no ARN")
    partition, service, its_region, its_account, kind, rest = found.groups()
    if service != "codedeploy" or kind not in set(ResourceKind):
        raise Invalid(
            f"The ARN {text[:200]!r} names nothing that can have tags; applications, deployment "
            "groups and deployment configs can.",
            code="ArnNotSupportedException",
        )
    if (partition, its_region) != (partition_of(region), region):
        raise _invalid(text, f"is of another region than {region}")
    # Terraform leaves the account out where there is no STS that it could ask.
    if its_account not in {account, ""}:
        raise _invalid(text, f"is of another account than {account}")
    name = rest[1:] if rest.startswith(":") else ""
    arn = Arn(region=region, account=account, kind=ResourceKind(kind), name=name)
    wanted = 2 if arn.kind is ResourceKind.GROUP else 1
    if len(arn.names) != wanted or not all(NAME_PATTERN.fullmatch(one) for one in arn.names):
        raise _invalid(text, f"does not name a {arn.kind}")
    return arn


def _invalid(text: str, why: str) -> Invalid:
    return Invalid(f"The ARN {text[:200]!r} {why}.", code="InvalidArnException")


def function_arn(region: str, account: str, function: str) -> str:
    """Return the ARN of a Lambda function that is known by its name, or by it."""
    if function.startswith("arn:"):
        return function
    return f"arn:{partition_of(region)}:lambda:{region}:{account}:function:{function}"


def service_arn(region: str, account: str, cluster: str, service: str) -> str:
    """Return the ARN of an ECS service that is known by its name, or by it."""
    if service.startswith("arn:"):
        return service
    place = f"{partition_of(region)}:ecs:{region}:{account}"
    return f"arn:{place}:service/{cluster.rpartition('/')[2]}/{service}"
