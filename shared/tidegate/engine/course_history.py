"""What history says of deployments that move traffic: of their steps, and their events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tidegate.domain.course import CourseStep
from tidegate.domain.history import Subject, Transition
from tidegate.domain.ids import TargetId
from tidegate.domain.lifecycle import EventStatus

ACTOR: Final = "tidegate"


def step_move(before: CourseStep, after: CourseStep, at: datetime, why: str) -> Transition:
    """Return the move of a step."""
    return Transition(
        subject=Subject.STEP,
        name=after.name,
        source=before.status,
        to=after.status,
        at=at,
        actor=ACTOR,
        reason=why,
    )


def read_back(shares: Sequence[float]) -> str:
    """Return the sentence on what was found after traffic was moved; nothing if nothing was."""
    return f"Read back: {', '.join(f'{share:g} %' for share in shares)}." if shares else ""


def event_move(
    target_id: TargetId, name: str, way: tuple[EventStatus, EventStatus], at: datetime, why: str
) -> Transition:
    """Return the move of a lifecycle event on a target."""
    return Transition(
        subject=Subject.LIFECYCLE_EVENT,
        target=target_id,
        name=name,
        source=way[0],
        to=way[1],
        at=at,
        actor=ACTOR,
        reason=why,
    )
