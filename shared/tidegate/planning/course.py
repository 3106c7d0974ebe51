"""The course of a deployment that moves traffic: which steps it has, and what comes next.

The order is that of the user guide's "AppSpec 'hooks' section" for Lambda and for ECS; what ends a
wait is told by DeploymentReadyOption and BlueInstanceTerminationOption of the API reference.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from tidegate.domain.aws_group import BlueGreen, InstanceAction, ReadyAction
from tidegate.domain.configs import TrafficRouting
from tidegate.domain.course import (
    WAITS,
    Badly,
    CourseStep,
    Outcome,
    Standing,
    StepKind,
    StepStatus,
    Well,
    Word,
)
from tidegate.domain.deployment import ComputePlatform, ErrorCode
from tidegate.domain.lifecycle import EventStatus, traffic_events
from tidegate.planning.traffic import (
    MINUTE,
    Arrived,
    Move,
    Shift,
    WaitUntil,
    next_shift,
    weights_of,
)

HOOK_LIMIT: Final = timedelta(hours=1)
PREPARE_LIMIT: Final = timedelta(hours=1)
STEP_LIMIT: Final = timedelta(hours=1)
"""For what takes seconds, and may have to wait until AWS answers again."""
RESTORE_LIMIT: Final = timedelta(hours=2)
"""For the way back, whose calls alone are tried again for an hour."""

HOOK_FAILED: Final = (
    "The deployment failed because one or more of the lifecycle event validation functions failed."
)
NOT_HEARD: Final = (
    "The deployment timed out while waiting for a status callback. CodeDeploy expects a status "
    "callback within one hour after a deployment hook is invoked."
)
NOT_STEADY: Final = (
    "The deployment timed out while waiting for the replacement task set to become healthy. "
    "This time out period is 60 minutes."
)
NOT_REMOVED: Final = (
    "The original task set was not removed within an hour; remove it by hand if it is still there."
)
STILL_THERE: Final = "The original task set is left; delete it before the next deployment."
NOT_CONTINUED: Final = (
    "The deployment timed out while waiting for a notification to continue. "
    "This time out period is {} minutes."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the course of a deployment depends on."""

    platform: ComputePlatform
    routing: TrafficRouting
    hooks: Mapping[str, str] = field(default_factory=dict)
    blue_green: BlueGreen | None = None
    has_test_traffic: bool = False


@dataclass(frozen=True, slots=True)
class Begin:
    """Begin this step; those in *left_out* are not needed any more."""

    number: int
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Finish:
    """The step in progress is done."""

    number: int
    remark: str = ""
    """What the user should know of how it went."""
    read_back: tuple[float, ...] = ()
    """Of a step that moves traffic: the shares of the replacements as they were found, in percent.
    """


@dataclass(frozen=True, slots=True)
class Await:
    """Nothing is to be done before then, unless somebody says something."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Arrive:
    """All is done."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The step in progress went wrong."""

    number: int
    code: ErrorCode
    reason: str


@dataclass(frozen=True, slots=True)
class Expire:
    """Nobody said in time that it may go on: the deployment is stopped."""

    reason: str


CourseMove: TypeAlias = Begin | Finish | Await | Arrive | GiveUp | Expire


def plan_course(plan: Plan) -> tuple[CourseStep, ...]:
    """Return the steps of a deployment, in their order; times are set as they begin."""
    return _numbered(_steps(plan))


def restoring_course() -> tuple[CourseStep, ...]:
    """Return the steps of a rollback: all is brought back at once, and no hook is called."""
    return _numbered([_step(StepKind.RESTORE, "AllowTraffic")])


def _numbered(steps: Iterator[CourseStep] | Sequence[CourseStep]) -> tuple[CourseStep, ...]:
    return tuple(replace(step, number=number) for number, step in enumerate(steps))


def _step(kind: StepKind, event: str, *, weight: int | None = None, hook: str = "") -> CourseStep:
    return CourseStep(number=0, kind=kind, event=event, weight=weight, hook=hook)


def _steps(plan: Plan) -> Iterator[CourseStep]:
    yield _step(StepKind.LOOK, "")
    for event in traffic_events(plan.platform, has_test_traffic=plan.has_test_traffic):
        if event == "BeforeAllowTraffic" and _asks_first(plan.blue_green):
            yield _step(StepKind.READY, "")
        match event:
            case "Install":
                yield _step(StepKind.PREPARE, event)
            case "AllowTestTraffic":
                yield _step(StepKind.TEST, event)
            case "AllowTraffic":
                yield from _shifts(plan.routing)
            case _:
                if hook := plan.hooks.get(event):
                    yield _step(StepKind.HOOK, event, hook=hook)
    if plan.platform is ComputePlatform.ECS and (end := _end(plan.blue_green)) is not None:
        if end:
            yield _step(StepKind.TERMINATION, "")
        yield _step(StepKind.FINISH, "")


def _shifts(routing: TrafficRouting) -> Iterator[CourseStep]:
    for weight in weights_of(routing):
        yield _step(StepKind.SHIFT, "AllowTraffic", weight=weight)


def _asks_first(blue_green: BlueGreen | None) -> bool:
    ready = blue_green.ready if blue_green else None
    return ready is not None and ready.action is ReadyAction.STOP_DEPLOYMENT


def _end(blue_green: BlueGreen | None) -> int | None:
    """Return after how many minutes the old side is removed; None if it is kept."""
    terminate = blue_green.terminate if blue_green else None
    if terminate is None:
        return 0
    return terminate.wait_minutes if terminate.action is InstanceAction.TERMINATE else None


def until_of(
    step: CourseStep, now: datetime, blue_green: BlueGreen | None, *, minute: timedelta = MINUTE
) -> datetime:
    """Return until when a step that begins *now* may last, or how long a wait lasts.

    *minute* is how long a minute of the group's waits lasts.
    """
    match step.kind:
        case StepKind.HOOK:
            return now + HOOK_LIMIT
        case StepKind.PREPARE:
            return now + PREPARE_LIMIT
        case StepKind.RESTORE:
            return now + RESTORE_LIMIT
        case StepKind.READY:
            ready = blue_green.ready if blue_green else None
            return now + (ready.wait_minutes if ready else 0) * minute
        case StepKind.TERMINATION:
            return now + (_end(blue_green) or 0) * minute
        case _:
            return now + STEP_LIMIT


def unfinished(standings: Sequence[Standing]) -> str:
    """Return what was said last of those on which the step in progress is not done, each once."""
    return _noted(one for one in standings if not one.is_done)


def outcome_of(step: CourseStep, standings: Sequence[Standing]) -> Outcome | None:
    """Return how a step in progress went, as far as it is known from its targets and its word."""
    # Who has said how it went was called, whatever became of the call itself.
    if step.word is Word.SUCCEEDED:
        return Well()
    if step.word is Word.FAILED:
        return Badly(ErrorCode.HOOK_EXECUTION_FAILURE, HOOK_FAILED)
    if failure := next((one.failure for one in standings if one.failure), None):
        return failure
    if step.kind in WAITS or step.kind is StepKind.HOOK:
        return None
    if not all(one.is_done for one in standings):
        return None
    # On the way back, what somebody else had changed was left alone, and that stays so.
    remark = _noted(standings) if step.kind is StepKind.RESTORE else ""
    return Well(_read_back(step, standings), remark)


def _noted(standings: Iterable[Standing]) -> str:
    return " ".join(dict.fromkeys(one.note for one in standings if one.note))


def _read_back(step: CourseStep, standings: Sequence[Standing]) -> tuple[float, ...]:
    """Return the shares that were found after a step that moves traffic, each once."""
    if step.kind not in {StepKind.SHIFT, StepKind.RESTORE}:
        return ()
    found = (one.weight for one in standings if one.weight is not None)
    return tuple(sorted(set(found)))


def next_move(
    course: Sequence[CourseStep],
    now: datetime,
    *,
    outcome: Outcome | None = None,
    unfinished: str = "",
    paused_until: datetime | None = None,
    is_held: bool = False,
    minute: timedelta = MINUTE,
) -> CourseMove:
    """Return what comes next; *outcome* is that of the step in progress, as far as it is known.

    *unfinished* says what such a step waits for, should its time be over.
    A deployment that is paused begins no step; what has begun goes on to its end. It is stopped
    when *paused_until* is over. One that *is held* begins none either, until it is looked at again.
    """
    if begun := next((step for step in course if step.status is StepStatus.IN_PROGRESS), None):
        return _of_begun(begun, now, outcome, _Overdue(unfinished, minute))
    ahead = [step for step in course if step.status is StepStatus.PENDING]
    if not ahead:
        return Arrive()
    if paused_until is not None:
        over = "The deployment was paused, and nobody resumed it in time."
        return Await(paused_until) if now < paused_until else Expire(over)
    if is_held:
        return Await(now + STEP_LIMIT)
    if ahead[0].kind is not StepKind.SHIFT:
        return Begin(ahead[0].number)
    return _next_of_shifts(course, now)


@dataclass(frozen=True, slots=True)
class _Overdue:
    """What is to be known of a step whose time may be over."""

    waits_for: str
    minute: timedelta
    """How long a minute of the group's waits lasts."""

    def told(self, reason: str) -> str:
        return " ".join(filter(None, (reason, self.waits_for)))


def _of_begun(
    step: CourseStep, now: datetime, outcome: Outcome | None, overdue: _Overdue
) -> CourseMove:
    match outcome:
        case Well(read_back, remark):
            return Finish(step.number, remark, read_back)
        case Badly(_, reason) if step.kind is StepKind.FINISH:
            # All traffic is on the new side: what is left of the old one is no reason to go back.
            return Finish(step.number, f"{reason} {STILL_THERE}")
        case Badly(code, reason):
            return GiveUp(step.number, code, reason)
        case None if step.until is None or now < step.until:
            return Await(step.until or now + STEP_LIMIT)
        case None:
            return _of_overdue(step, overdue)


def _of_overdue(step: CourseStep, overdue: _Overdue) -> CourseMove:
    match step.kind:
        case StepKind.TERMINATION:
            return Finish(step.number)
        case StepKind.FINISH:
            return Finish(step.number, overdue.told(NOT_REMOVED))
        case StepKind.READY:
            return Expire(NOT_CONTINUED.format(_minutes_of(step, overdue.minute)))
        case StepKind.HOOK:
            return GiveUp(step.number, ErrorCode.HOOK_EXECUTION_FAILURE, NOT_HEARD)
        case StepKind.PREPARE:
            return GiveUp(step.number, ErrorCode.TIMEOUT, overdue.told(NOT_STEADY))
        case _:
            hours = "two hours" if step.kind is StepKind.RESTORE else "an hour"
            reason = f"The step {step.kind!s} did not end within {hours}."
            return GiveUp(step.number, ErrorCode.TIMEOUT, overdue.told(reason))


def _minutes_of(step: CourseStep, minute: timedelta) -> int:
    if step.until is None or step.started_at is None:
        return 0
    return round((step.until - step.started_at) / minute)


def _next_of_shifts(course: Sequence[CourseStep], now: datetime) -> CourseMove:
    shifts = shifts_of(course, now)
    done = [
        shift.number for shift in shifts if course[shift.number].status is not StepStatus.PENDING
    ]
    match next_shift(shifts, now, done=max(done, default=None)):
        case Move(shift):
            left_out = (
                step.number
                for step in course
                if step.kind is StepKind.SHIFT
                and step.status is StepStatus.PENDING
                and step.number < shift.number
            )
            return Begin(shift.number, tuple(left_out))
        case WaitUntil(at):
            return Await(at)
        case Arrived():
            return Arrive()


def shifts_of(course: Sequence[CourseStep], now: datetime) -> tuple[Shift, ...]:
    """Return the shifts of a course by the numbers of their steps; one without a time is due."""
    return tuple(
        Shift(step.number, step.weight or 0, step.due_at or now)
        for step in course
        if step.kind is StepKind.SHIFT
    )


def statuses_of(course: Sequence[CourseStep], events: Sequence[str]) -> dict[str, EventStatus]:
    """Return how each lifecycle event stands, as far as no step went wrong.

    An event without a step is over as soon as the course has come past it.
    """
    open_step = next((step for step in course if step.is_open), None)
    reached = len(events) if open_step is None else _place(open_step, events)
    return {
        event: _status([step for step in course if step.event == event], passed=at < reached)
        for at, event in enumerate(events)
    }


def _place(step: CourseStep, events: Sequence[str]) -> int:
    """Return how many events come before a step."""
    match step.kind:
        case StepKind.LOOK:
            return 0
        case StepKind.READY:
            return events.index("BeforeAllowTraffic")
        case StepKind.TERMINATION | StepKind.FINISH:
            return len(events)
        case _:
            return events.index(step.event)


def _status(steps: Sequence[CourseStep], *, passed: bool) -> EventStatus:
    if passed:
        return EventStatus.SUCCEEDED
    begun = any(step.status is not StepStatus.PENDING for step in steps)
    return EventStatus.IN_PROGRESS if begun else EventStatus.PENDING
