"""What a group says of EC2 instances: which ones, and how they are reached."""

from dataclasses import dataclass, field, replace
from typing import Final

from tidegate.domain.aws_group import AwsGroup, OutdatedInstances
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.ec2 import Ec2Options, Reach
from tidegate.domain.errors import Invalid
from tidegate.domain.tag_filters import TagSet, tags_of
from tidegate.engine.host_ways import check_ssh

LONGEST_KEY: Final = 8000
"""Characters; an RSA key of 16,384 bits has 2,800."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Request:
    """Which EC2 instances a group is wanted to have, and how."""

    tag_set: TagSet = ()
    auto_scaling_groups: tuple[str, ...] = ()
    outdated_instances: OutdatedInstances = OutdatedInstances.UPDATE
    options: Ec2Options = field(default_factory=Ec2Options)


def with_ec2(aws: AwsGroup, wanted: Ec2Request | None, platform: ComputePlatform) -> AwsGroup:
    """Return *aws* with the instances that are *wanted*; without a wish as it is.

    Raises:
        Invalid: A group of this platform has no instances, or they could not be reached.
    """
    if wanted is None:
        return aws
    asks = wanted.tag_set or wanted.auto_scaling_groups
    if asks and platform is not ComputePlatform.SERVER:
        raise Invalid(f"A deployment group for {platform} has no EC2 instances.")
    _check_options(wanted.options)
    return replace(
        aws,
        ec2_tags=tags_of(wanted.tag_set, as_sets=False),
        auto_scaling_groups=wanted.auto_scaling_groups,
        outdated_instances=wanted.outdated_instances,
    )


def _check_options(options: Ec2Options) -> None:
    if len(options.host_ca) > LONGEST_KEY:
        raise Invalid(f"A host_ca has {LONGEST_KEY} characters at most.")
    if options.host_ca:
        check_ssh({"host_key": f"@cert-authority {options.host_ca}"})
    if options.reach is Reach.SSH and not (options.host_ca or options.trust_on_first_use):
        raise Invalid(
            "Instances that are reached over SSH need the host_ca that signs their host keys, so "
            "that no other machine can pose as one. Or set trust_on_first_use to true to take "
            "the key that each shows at first.",
            code="HostKeyMissing",
        )
