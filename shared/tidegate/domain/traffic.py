"""What traffic moves between: versions behind an alias of a function, task sets of a service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Self, TypeAlias

from tidegate.domain.aws_group import TargetGroupPair
from tidegate.domain.ids import DeploymentId

PRIMARY: Final = "PRIMARY"
DRAINING: Final = "DRAINING"

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class Side(StrEnum):
    """CodeDeploy's labels of what had the traffic and what is to get it."""

    BLUE = "Blue"
    GREEN = "Green"


@dataclass(frozen=True, slots=True, kw_only=True)
class AliasMove:
    """An alias of a Lambda function that goes from one version to another."""

    function: str
    """Its name or ARN."""
    alias: str
    current_version: str
    target_version: str

    @property
    def identity(self) -> str:
        """Return the id of its target: `function:alias`, the function by its name."""
        return f"{self.function.rpartition(':')[2]}:{self.alias}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Where the tasks of a task set are."""

    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    assign_public_ip: str
    """ENABLED or DISABLED."""

    @classmethod
    def of(cls, body: Mapping[str, Any] | None) -> Self | None:
        """Return what was said or kept as JSON by the names of the members, if it was at all."""
        if body is None:
            return None
        return cls(
            subnets=tuple(body["subnets"]),
            security_groups=tuple(body["security_groups"]),
            assign_public_ip=body["assign_public_ip"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityProvider:
    """One entry of a strategy."""

    name: str
    base: int = 0
    weight: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMove:
    """An ECS service whose traffic goes from its primary task set to a new one.

    What is None or empty is carried over from the service and its primary task set.
    """

    cluster: str
    """Its name or ARN."""
    service: str
    """Its name or ARN."""
    pairs: tuple[TargetGroupPair, ...]
    """At least one; CodeDeploy takes one only."""
    task_definition: str
    """Its ARN, or family:revision."""
    container_name: str
    container_port: int
    platform_version: str | None = None
    network: Network | None = None
    capacity_providers: tuple[CapacityProvider, ...] = ()

    @property
    def identity(self) -> str:
        """Return the id of its target: `cluster:service`, both by their names."""
        return f"{self.cluster.rpartition('/')[2]}:{self.service.rpartition('/')[2]}"


Move: TypeAlias = AliasMove | ServiceMove


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSet:
    """How one side of a service was found (CodeDeploy's ECSTaskSet)."""

    id: str
    side: Side
    status: str
    """ECS's own word: `PRIMARY`, ACTIVE or `DRAINING`."""
    desired: int
    pending: int
    running: int
    weight: float
    """Its share of the traffic in percent."""
    target_group: str
    """Its name."""
    arn: str = ""
    """By which ECS takes it for sure; empty of what was kept by a version that did not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Something that a deployment created out there, and that it removes or hands over."""

    kind: str
    """What it is, as in `task set`."""
    name: str
    """By which it is found again: its ARN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How one move was found to stand when it was last looked at."""

    weight: float
    """The new side's share of all traffic in percent, as it was read back."""
    at: datetime
    task_sets: tuple[TaskSet, ...] = ()


def always() -> bool:
    """Tell that an errand is still whose it was: nobody else could have it."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One move of a deployment, with all that a driver needs to know of it."""

    deployment_id: DeploymentId
    region: str
    role_arn: str = ""
    """By which AWS is called where the settings want that."""
    move: Move
    before: Mapping[str, Json] = field(default_factory=dict)
    """What the driver's first look found, for the way back; empty before that look."""
    shares: tuple[int, ...] = ()
    """What the new side may have by this deployment's doing, in percent: what was read back last,
    and what a step wanted that has begun since. Empty where nobody knows; any share may be then."""
    made: tuple[Made, ...] = ()
    """For the way back: what this deployment created out there, as far as the rows know."""
    still_mine: Callable[[], bool] = field(default=always, compare=False, repr=False)
    """Whether another worker has not taken it over: asked just before each call that changes
    something out there."""
