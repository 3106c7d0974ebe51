"""What is still to come of a course: when each step is planned, and what happens next."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tidegate.domain.aws_group import BlueGreen
from tidegate.domain.configs import TrafficRouting
from tidegate.domain.course import CourseStep, StepKind, StepStatus, Word
from tidegate.planning.course import Await, Begin, next_move, until_of
from tidegate.planning.traffic import MINUTE, plan_shifts

_AWAITED: Final = {
    StepKind.PREPARE: "The replacement becomes steady; else the deployment fails then.",
    StepKind.READY: "Somebody lets the traffic move; else the deployment is stopped then.",
    StepKind.TERMINATION: "The original is removed.",
}
_COMING: Final = {
    StepKind.LOOK: "It is looked at how the traffic stands.",
    StepKind.PREPARE: "The replacement is set up.",
    StepKind.TEST: "The replacement gets the test traffic.",
    StepKind.READY: "The deployment waits until somebody lets the traffic move.",
    StepKind.TERMINATION: "The original is kept for a while.",
    StepKind.FINISH: "The original is removed.",
    StepKind.RESTORE: "The traffic goes back to how it was.",
}
_STARTS: Final = "The deployment starts."
_ENDS: Final = "The deployment succeeds."
_PAUSED: Final = "It is paused; unless somebody resumes or promotes it, it is stopped then."
_PAUSED_AFTER: Final = " After that nothing begins, as it is paused."
_SAID: Final = {
    Word.SUCCEEDED: "What was waited for is said, and the deployment goes on.",
    Word.FAILED: "A hook said that it failed, and the deployment fails.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the times of a course depend on beside the course itself."""

    routing: TrafficRouting | None = None
    """Needed as long as shifts are to come that have no time yet."""
    blue_green: BlueGreen | None = None
    minute: timedelta = MINUTE
    """How long a minute of the config and of the group's waits lasts."""
    paused_at: datetime | None = None
    paused_until: datetime | None = None
    """When a deployment that is paused is stopped."""
    held_by: str = ""
    """Why nothing of it begins just now."""


@dataclass(frozen=True, slots=True)
class Planned:
    """When a step is to begin."""

    at: datetime | None
    """None where it was left out before it had a time."""
    is_estimate: bool = False
    """It is the earliest time: what comes before takes as long as it takes."""


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What happens next."""

    what: str
    """One sentence."""
    at: datetime | None = None
    """When, or until when at the latest; None stands for as soon as it can."""


def planned_times(course: Sequence[CourseStep], terms: Terms, now: datetime) -> tuple[Planned, ...]:
    """Return when each step is planned, in the order of the course."""
    earliest = now
    due = _Due(course, terms, now)
    planned: list[Planned] = []
    for step in course:
        if step.status is StepStatus.PENDING:
            planned.append(due.of(step, earliest))
        else:
            planned.append(Planned(step.due_at or step.started_at))
        earliest = max(earliest, _end_of(step, planned[-1], terms, earliest))
    return tuple(planned)


class _Due:
    """When the steps are due that have not begun."""

    def __init__(self, course: Sequence[CourseStep], terms: Terms, now: datetime) -> None:
        self._shifts = [step.number for step in course if step.kind is StepKind.SHIFT]
        self._terms = terms
        self._paused_for = now - terms.paused_at if terms.paused_at else timedelta(0)
        self._first_at: datetime | None = None

    def of(self, step: CourseStep, earliest: datetime) -> Planned:
        if step.due_at is not None:
            return Planned(step.due_at + self._paused_for, is_estimate=bool(self._paused_for))
        if step.kind is not StepKind.SHIFT or self._terms.routing is None:
            return Planned(earliest, is_estimate=True)
        self._first_at = self._first_at or earliest
        shifts = plan_shifts(self._terms.routing, self._first_at, minute=self._terms.minute)
        return Planned(shifts[self._shifts.index(step.number)].due_at, is_estimate=True)


def _end_of(step: CourseStep, planned: Planned, terms: Terms, earliest: datetime) -> datetime:
    """Return when a step ends at the earliest."""
    match step.status, step.kind:
        case StepStatus.PENDING, StepKind.TERMINATION:
            begins = planned.at or earliest
            return until_of(step, begins, terms.blue_green, minute=terms.minute)
        case StepStatus.PENDING, _:
            return planned.at or earliest
        case StepStatus.IN_PROGRESS, StepKind.TERMINATION:
            return step.until or earliest
        case _:
            return earliest


def first_upcoming(terms: Terms) -> Upcoming:
    """Return what happens next of a deployment that has not started."""
    return Upcoming(_held(terms) or _STARTS)


def next_upcoming(course: Sequence[CourseStep], terms: Terms, now: datetime) -> Upcoming:
    """Return what happens next of a deployment that has started and is not final."""
    begun = next((step for step in course if step.status is StepStatus.IN_PROGRESS), None)
    if begun is not None:
        is_last = not any(step.status is StepStatus.PENDING for step in course)
        paused = "" if is_last or terms.paused_until is None else _PAUSED_AFTER
        return Upcoming(f"{_awaited(begun)}{paused}", _until(begun))
    if terms.paused_until is not None:
        return Upcoming(_PAUSED, terms.paused_until)
    if held := _held(terms):
        return Upcoming(held)
    match next_move(course, now):
        case Begin(number):
            return Upcoming(_coming(course[number]), course[number].due_at or now)
        case Await(at):
            shift = next(step for step in course if step.status is StepStatus.PENDING)
            return Upcoming(_coming(shift), at)
        case _:
            return Upcoming(_ENDS, now)


def _held(terms: Terms) -> str:
    return f"Nothing begins while this is so: {terms.held_by}" if terms.held_by else ""


def _awaited(step: CourseStep) -> str:
    if step.word is not None:
        return _SAID[step.word]
    if step.kind is StepKind.HOOK:
        return f"The hook {step.hook} of {step.event} says how it went; else it fails then."
    return _AWAITED.get(step.kind) or _coming(step)


def _until(step: CourseStep) -> datetime | None:
    """Return until when something is awaited; what is being called just now has no such time."""
    is_awaited = step.kind is StepKind.HOOK or step.kind in _AWAITED
    return step.until if is_awaited and step.word is None else None


def _coming(step: CourseStep) -> str:
    match step.kind:
        case StepKind.SHIFT:
            return f"The replacement gets {step.weight} % of the traffic."
        case StepKind.HOOK:
            return f"The hook {step.hook} of {step.event} is called."
        case _:
            return _COMING[step.kind]
