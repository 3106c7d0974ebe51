"""Notices: what is told outside of a deployment or of one of its instances."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.aws_group import Trigger
from tidegate.domain.deployment import DeploymentStatus
from tidegate.domain.lifecycle import LifecycleEvent
from tidegate.domain.target import TargetStatus

EVENT_SOURCE: Final = "aws.codedeploy"
"""What CodeDeploy calls itself on EventBridge, where AWS keeps this name to itself."""
EVENT_BUS: Final = re.compile(
    r"(arn:[\w-]+:events:[\w-]+:[0-9]{12}:event-bus/)?[\w./-]{1,256}", re.ASCII
)
"""Name or ARN of an event bus."""
SEND_NOTICES: Final = "notices.send"
"""Name of the task that sends what is due; it is wanted by the commit that wrote a notice."""


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
    role_arn: str = ""
    """The role of the group that this is sent for; empty where it is sent for nobody's group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeSettings:
    """Whose account ARNs name, and the event bus that all is told to; empty if there is none."""

    account_id: str = "000000000000"
    event_bus: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Who asks to be told of a deployment."""

    triggers: tuple[Trigger, ...] = ()
    event_bus: str = ""
    role_arn: str = ""
    """What the group lets its messages be sent by."""

    @property
    def is_empty(self) -> bool:
        return not (self.triggers or self.event_bus)


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
