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
