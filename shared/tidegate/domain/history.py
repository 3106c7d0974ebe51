"""History: every accepted transition, in the order in which it was committed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tidegate.domain.ids import DeploymentId, TargetId

LONGEST_NAME: Final = 100


class Subject(StrEnum):
    DEPLOYMENT = "deployment"
    TARGET = "target"
    LIFECYCLE_EVENT = "lifecycle_event"
    STEP = "step"
    """Of a deployment that moves traffic."""
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One move of a deployment or of a part of it; or a note on it (source = to)."""

    subject: Subject
    target: TargetId | None = None
    name: str = ""
    """Name of the lifecycle event, step or alarm, else what happened in a word."""
    source: str
    """Empty of what was not there before."""
    to: str
    at: datetime
    actor: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedTransition:
    """A transition with its number: 1, 2, 3 … within its deployment, without a gap."""

    number: int
    deployment_id: DeploymentId
    transition: Transition
