"""What a planner can say: the steps that come next."""

from dataclasses import dataclass
from typing import TypeAlias

from tidegate.domain.deployment import ErrorCode


@dataclass(frozen=True, slots=True)
class StartTargets:
    """Dispatch the next *count* waiting targets, in their order."""

    count: int


@dataclass(frozen=True, slots=True)
class LookAgain:
    """Plan once more soon, though nothing may have happened: more could start by then."""

    at_once: bool = False
    """More could start now already, and is left to the next decision, so that none takes long."""


@dataclass(frozen=True, slots=True)
class Succeed:
    """End the deployment as Succeeded."""


@dataclass(frozen=True, slots=True)
class Fail:
    """End the deployment as Failed; what has not begun is skipped."""

    code: ErrorCode
    reason: str


Step: TypeAlias = StartTargets | LookAgain | Succeed | Fail
