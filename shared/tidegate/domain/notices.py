"""Notices: what is told outside of a deployment or of one of its instances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.lifecycle import LifecycleEvent
from tidegate.domain.target import TargetStatus

EVENT_SOURCE: Final = "aws.codedeploy"
"""What CodeDeploy calls itself on EventBridge, where AWS keeps this name to itself."""


class TriggerEvent(StrEnum):
    """What a trigger of a group may ask to be told of (CodeDeploy's TriggerEventType)."""

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


class Channel(StrEnum):
    """How a notice travels."""

    SNS = "sns"
    EVENTBRIDGE = "eventbridge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What is sent, ready to be kept until it is."""

    channel: Channel
    target: str
    """ARN of a topic; ARN or name of an event bus."""
    region: str
    """Where the target lies; empty if it cannot be told."""
    subject: str
    """Of a message its subject, of an event its detail-type."""
    body: str
    """JSON: of a message all of it, of an event its detail."""
    resources: tuple[str, ...] = ()
    """ARNs of what an event is about."""
    at: datetime
    """When it happened, not when it is sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What happened, and where."""

    region: str
    account_id: str
    application: str
    group: str
    group_id: str
    deployment_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentNews(News):
    """A deployment has another status, or was created."""

    status: DeploymentStatus
    created_at: datetime
    completed_at: datetime | None = None
    overview: Mapping[str, int] = field(default_factory=dict)
    """Number of targets by status."""
    error_code: str = ""
    error_message: str = ""
    rollback_triggering_deployment_id: str = ""
    """The deployment that this one rolls back, if it does."""
    rollback_message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceNews(News):
    """An instance has another status within a deployment to servers."""

    instance_id: str
    instance_arn: str
    status: TargetStatus
    events: tuple[LifecycleEvent, ...] = ()
