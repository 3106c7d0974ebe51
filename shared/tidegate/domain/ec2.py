"""What is asked of EC2 instances and their Auto Scaling groups."""

from dataclasses import dataclass, field
from enum import StrEnum

from tidegate.domain.tag_filters import Tags


class ScalingProcess(StrEnum):
    """What an Auto Scaling group may have suspended while it is deployed to."""

    TERMINATE = "Terminate"
    AZ_REBALANCE = "AZRebalance"
    INSTANCE_REFRESH = "InstanceRefresh"
    SCHEDULED_ACTIONS = "ScheduledActions"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInstances:
    """The replacement instances of one blue/green deployment."""

    tags: Tags = field(default_factory=Tags)
    auto_scaling_groups: tuple[str, ...] = ()


class Reach(StrEnum):
    """By which driver the EC2 instances of a group are reached."""

    SSM = "ssm"
    SSH = "ssh"


class InstanceAddress(StrEnum):
    """Which of an instance's addresses SSH goes to."""

    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ec2Options:
    """How a group reaches its EC2 instances; a user and the like are the group's SSH settings."""

    reach: Reach = Reach.SSM
    address: InstanceAddress = InstanceAddress.PRIVATE
    host_ca: str = ""
    """The public key of the authority that signs the host keys of the instances."""
    trust_on_first_use: bool = False
    """Take the key that an instance shows at first, where no authority signs it."""
