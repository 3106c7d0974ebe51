"""EC2 instances as AWS tells of them, and which ones a deployment group means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tidegate.domain.tag_filters import TagSet


class InstanceState(StrEnum):
    """EC2's InstanceStateName."""

    PENDING = "pending"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"


LEAVING: Final = frozenset({InstanceState.SHUTTING_DOWN, InstanceState.TERMINATED})
"""Of an instance that never comes back."""
DEPLOYABLE: Final = frozenset({InstanceState.RUNNING, InstanceState.STOPPED})
"""Of those that take part in a deployment (user guide, "Instances": running or stopped)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One EC2 instance as it was when AWS was asked."""

    id: str
    arn: str
    state: InstanceState
    tags: Mapping[str, str] = field(default_factory=dict)
    auto_scaling_group: str = ""
    private_address: str = ""
    public_address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where AWS is asked, and by which role; an empty one is Tidegate's own."""

    region: str
    role_arn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which instances are meant: by their tags, or by the Auto Scaling group that they are in."""

    place: Place
    tag_set: TagSet = ()
    auto_scaling_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance of a deployment, and how it was when the deployment found it."""

    id: str
    state: InstanceState
