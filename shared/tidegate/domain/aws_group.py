"""What only CodeDeploy's own API says of a deployment group.

Members, defaults and values are those of the AWS CodeDeploy API reference, CreateDeploymentGroup.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidegate.domain.alarms import Alarms
from tidegate.domain.deployment import ComputePlatform
from tidegate.domain.ec2 import ScalingProcess
from tidegate.domain.tag_filters import Tags


class DeploymentType(StrEnum):
    IN_PLACE = "IN_PLACE"
    BLUE_GREEN = "BLUE_GREEN"


class DeploymentOption(StrEnum):
    WITH_TRAFFIC_CONTROL = "WITH_TRAFFIC_CONTROL"
    WITHOUT_TRAFFIC_CONTROL = "WITHOUT_TRAFFIC_CONTROL"


class OutdatedInstances(StrEnum):
    """Whether instances that were launched during a deployment are brought up to it."""

    UPDATE = "UPDATE"
    IGNORE = "IGNORE"


class InstanceAction(StrEnum):
    """What becomes of the original instances after a blue/green deployment."""

    TERMINATE = "TERMINATE"
    KEEP_ALIVE = "KEEP_ALIVE"


class ReadyAction(StrEnum):
    """What happens when the replacement is ready."""

    CONTINUE_DEPLOYMENT = "CONTINUE_DEPLOYMENT"
    STOP_DEPLOYMENT = "STOP_DEPLOYMENT"
    """Wait for somebody to say so; stop when nobody has after the time."""


class GreenFleet(StrEnum):
    """Where the replacement instances come from."""

    DISCOVER_EXISTING = "DISCOVER_EXISTING"
    COPY_AUTO_SCALING_GROUP = "COPY_AUTO_SCALING_GROUP"


class TriggerEvent(StrEnum):
    """What a trigger may ask to be told of (CodeDeploy's TriggerEventType)."""

    DEPLOYMENT_START = "DeploymentStart"
    DEPLOYMENT_SUCCESS = "DeploymentSuccess"
    DEPLOYMENT_FAILURE = "DeploymentFailure"
    DEPLOYMENT_STOP = "DeploymentStop"
    DEPLOYMENT_ROLLBACK = "DeploymentRollback"
    DEPLOYMENT_READY = "DeploymentReady"
    INSTANCE_START = "InstanceStart"
    INSTANCE_SUCCESS = "InstanceSuccess"
    INSTANCE_FAILURE = "InstanceFailure"
    INSTANCE_READY = "InstanceReady"


@dataclass(frozen=True, slots=True)
class Style:
    type: DeploymentType
    option: DeploymentOption

    @property
    def moves_traffic(self) -> bool:
        return self.option is DeploymentOption.WITH_TRAFFIC_CONTROL

    @property
    def is_blue_green(self) -> bool:
        return self.type is DeploymentType.BLUE_GREEN


IN_PLACE: Final = Style(DeploymentType.IN_PLACE, DeploymentOption.WITHOUT_TRAFFIC_CONTROL)
BLUE_GREEN: Final = Style(DeploymentType.BLUE_GREEN, DeploymentOption.WITH_TRAFFIC_CONTROL)


def default_style(platform: ComputePlatform) -> Style:
    """Return the style of a group that says none."""
    return IN_PLACE if platform is ComputePlatform.SERVER else BLUE_GREEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    name: str
    topic_arn: str
    events: tuple[TriggerEvent, ...]


@dataclass(frozen=True, slots=True)
class TerminateBlue:
    action: InstanceAction = InstanceAction.TERMINATE
    wait_minutes: int = 0


@dataclass(frozen=True, slots=True)
class WhenReady:
    action: ReadyAction = ReadyAction.CONTINUE_DEPLOYMENT
    wait_minutes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueGreen:
    terminate: TerminateBlue | None = None
    ready: WhenReady | None = None
    green_fleet: GreenFleet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetGroupPair:
    """The two target groups between which an ECS service is moved."""

    target_groups: tuple[str, ...] = ()
    prod_listeners: tuple[str, ...] = ()
    test_listeners: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadBalancers:
    """None of a list says that it was not sent, which is not the same as an empty one."""

    elbs: tuple[str, ...] | None = None
    target_groups: tuple[str, ...] | None = None
    pairs: tuple[TargetGroupPair, ...] | None = None

    @property
    def is_empty(self) -> bool:
        return self.elbs is None and self.target_groups is None and self.pairs is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsService:
    """As they were sent: names, or ARNs."""

    cluster: str
    service: str

    @property
    def identity(self) -> str:
        """Return what makes this service this one, whether it came as names or as ARNs."""
        return f"{self.cluster.rpartition('/')[2]}:{self.service.rpartition('/')[2]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsGroup:
    service_role_arn: str = ""
    """Empty where the group was made by `/v1`."""
    style: Style | None = None
    """None stands for the default of the compute platform."""
    alarms: Alarms = field(default_factory=Alarms)
    triggers: tuple[Trigger, ...] = ()
    blue_green: BlueGreen | None = None
    load_balancers: LoadBalancers | None = None
    ec2_tags: Tags = field(default_factory=Tags)
    tags_are_sets: bool = False
    """Whether the conditions on on-premises instances came as sets, and not as one flat list."""
    auto_scaling_groups: tuple[str, ...] = ()
    outdated_instances: OutdatedInstances = OutdatedInstances.UPDATE
    termination_hook: bool = False
    suspended_processes: tuple[ScalingProcess, ...] | None = None
    """None where ec2DeploymentOptions was never sent."""
    ecs_services: tuple[EcsService, ...] = ()

    def style_on(self, platform: ComputePlatform) -> Style:
        """Return the style, where none was said that of the platform."""
        return self.style or default_style(platform)

    @property
    def asks_for_ec2(self) -> bool:
        """Whether EC2 instances are among what is to be deployed to."""
        return bool(self.ec2_tags.tag_set or self.auto_scaling_groups)
