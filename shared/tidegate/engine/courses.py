"""Deployments that move traffic: how they start, what comes next, how they end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from tidegate.domain.aws_group import AwsGroup
from tidegate.domain.course import (
    WAITS,
    CourseStep,
    StepKind,
    StepMove,
    StepStatus,
    segment_of,
)
from tidegate.domain.deployment import (
    ComputePlatform,
    Creator,
    Deployment,
    DeploymentEvent,
    ErrorCode,
    RollbackEvent,
)
from tidegate.domain.ids import HostId, TargetId
from tidegate.domain.lifecycle import (
    FINAL_EVENT_STATUSES,
    EventMove,
    EventStatus,
    traffic_events,
)
from tidegate.domain.steps import Fail
from tidegate.domain.target import TargetEvent
from tidegate.engine.course_ends import close_course, say_what_is_left
from tidegate.engine.course_history import ACTOR, event_move, read_back, step_move
from tidegate.engine.errands import has_test_traffic, moves_of, read_revision
from tidegate.engine.fetching import await_bundle
from tidegate.engine.rollback import end_deployment
from tidegate.messages import want_step
from tidegate.planning.course import (
    Arrive,
    Await,
    Begin,
    CourseMove,
    Expire,
    Finish,
    GiveUp,
    Plan,
    next_move,
    outcome_of,
    plan_course,
    restoring_course,
    shifts_of,
    statuses_of,
    unfinished,
    until_of,
)
from tidegate.planning.traffic import plan_shifts
from tidegate.store.courses import KeptErrand
from tidegate.store.deployments import Move
from tidegate.store.lifecycle import EventEnd, EventNews
from tidegate.store.targets import NewTarget
from tidegate.store.unit_of_work import UnitOfWork

LOOK_AGAIN: Final = timedelta(seconds=5)
"""What comes next waits for the last call of what was before, should nobody wake it."""

log = structlog.get_logger(__name__)


def start_course(deployment: Deployment, uow: UnitOfWork) -> Fail | None:
    """Start a deployment that moves traffic, or have it looked at again; say why it cannot."""
    if uow.targets.busy_before(deployment.id, deployment.group_id):
        # What is called out there just now must have ended: it would move the traffic once more.
        uow.deployments.settle(deployment, wake_at=uow.now() + LOOK_AGAIN)
        return None
    aws = uow.deployments.group_settings(deployment.id)["aws"]
    if deployment.creator is Creator.ROLLBACK:
        _start_rollback(deployment, aws, uow)
        return None
    appspec = read_revision(deployment, uow)
    if isinstance(appspec, Fail):
        return appspec
    if appspec is None:
        return await_bundle(deployment, uow)
    moves = moves_of(appspec, deployment, aws)
    if isinstance(moves, Fail):
        return moves
    config = uow.catalog_of(deployment.region).config(deployment.config_name)
    if config.traffic_routing is None:
        raise AssertionError(config.name)
    plan = Plan(
        platform=deployment.compute_platform,
        routing=config.traffic_routing,
        hooks=appspec["hooks"],
        blue_green=aws.blue_green,
        has_test_traffic=has_test_traffic(aws),
    )
    errands = [KeptErrand(target_id=TargetId(move.identity), move=move) for move in moves]
    _start(deployment, plan_course(plan), errands, aws, uow)
    return None


def _start_rollback(deployment: Deployment, aws: AwsGroup, uow: UnitOfWork) -> None:
    undone = deployment.rollback_triggering_deployment_id
    if undone is None:
        raise AssertionError(deployment.id)
    _start(deployment, restoring_course(), uow.courses.errands(undone), aws, uow)


def _start(
    deployment: Deployment,
    course: Sequence[CourseStep],
    errands: Sequence[KeptErrand],
    aws: AwsGroup,
    uow: UnitOfWork,
) -> None:
    now = uow.now()
    started = uow.deployments.on(
        deployment,
        Move(event=DeploymentEvent.START, at=now, actor=ACTOR),
        started_at=now,
        total_targets=len(errands),
    )
    events = _events_of(deployment.compute_platform, aws)
    targets = [
        NewTarget(id=errand.target_id, host_id=HostId(""), position=position)
        for position, errand in enumerate(errands)
    ]
    uow.targets.add_all(deployment.id, targets, segment=segment_of(0), events=events, at=now)
    uow.courses.add(deployment.id, course, errands)
    advance_course(started, uow, is_first=True)


def _events_of(platform: ComputePlatform, aws: AwsGroup) -> Sequence[str]:
    return traffic_events(platform, has_test_traffic=has_test_traffic(aws))


@dataclass(slots=True)
class _Advance:
    """One look at a deployment: its course changes with what is decided."""

    deployment: Deployment
    course: list[CourseStep]
    aws: AwsGroup
    uow: UnitOfWork
    now: datetime
    is_held: bool

    @property
    def begun(self) -> CourseStep | None:
        return next((s for s in self.course if s.status is StepStatus.IN_PROGRESS), None)

    def change(self, number: int, move: StepMove, why: str = "", **changes: Any) -> None:
        step = self.course[number]
        changed = self.uow.courses.change(self.deployment.id, step, move, **changes)
        self.course[number] = changed
        self.uow.history.record(self.deployment.id, [step_move(step, changed, self.now, why)])


def advance_course(
    deployment: Deployment, uow: UnitOfWork, *, is_first: bool = False, is_held: bool = False
) -> None:
    """Decide and record what comes next of a deployment that has started, the *first* time or not.

    While it *is held*, no step of it begins.

    Raises:
        Stale: Somebody else advanced it meanwhile; call again.
    """
    look = _Advance(
        deployment=deployment,
        course=uow.courses.course(deployment.id),
        aws=uow.deployments.group_settings(deployment.id)["aws"],
        uow=uow,
        now=uow.now(),
        is_held=is_held,
    )
    events = _events_of(deployment.compute_platform, look.aws)
    before = (
        dict.fromkeys(events, EventStatus.PENDING) if is_first else statuses_of(look.course, events)
    )
    while _go_on(look, _next(look)):
        pass
    if look.deployment.is_final:
        return
    after = statuses_of(look.course, events)
    _move_events(look, [(name, before[name], after[name]) for name in events])


def _next(look: _Advance) -> CourseMove:
    deployment, begun = look.deployment, look.begun
    outcome, waits_for = None, ""
    if begun is not None:
        standings = [] if begun.kind in WAITS else look.uow.courses.standings(deployment.id)
        outcome, waits_for = outcome_of(begun, standings), unfinished(standings)
    paused = deployment.paused_at
    return next_move(
        look.course,
        look.now,
        outcome=outcome,
        unfinished=waits_for,
        paused_until=paused and paused + look.uow.pause_limit,
        is_held=look.is_held,
        minute=look.uow.minute,
    )


def _go_on(look: _Advance, move: CourseMove) -> bool:
    """Record one move; tell whether there is more to decide at once."""
    step = look.course[move.number].name if isinstance(move, Begin | Finish | GiveUp) else None
    log.info("decided", deployment_id=look.deployment.id, move=str(move), step=step)
    match move:
        case Begin(number, left_out):
            return _begin(look, number, left_out)
        case Finish(number, remark, shares):
            _finish(look, number, read_back(shares))
            if remark or look.deployment.creator is Creator.ROLLBACK:
                # What was said of a way back that took long is over.
                messages = (remark,) if remark else ()
                look.deployment = look.uow.deployments.say(look.deployment, messages)
            return True
        case Await(until):
            look.uow.deployments.settle(look.deployment, wake_at=until)
        case Arrive():
            _succeed(look)
        case GiveUp(number, code, reason):
            look.change(number, StepMove.FAIL, finished_at=look.now)
            end = _End(DeploymentEvent.FAIL, code, reason, RollbackEvent.FAILURE)
            _end(look, end)
        case Expire(reason):
            end = _End(DeploymentEvent.STOP, ErrorCode.TIMEOUT, reason, RollbackEvent.REQUEST)
            _end(look, end)
    return False


def _begin(look: _Advance, number: int, left_out: Sequence[int]) -> bool:
    """Begin a step; tell whether there is more to decide, as there is of a wait."""
    uow, now, id_ = look.uow, look.now, look.deployment.id
    for skipped in left_out:
        look.change(skipped, StepMove.SKIP, finished_at=now)
    step = look.course[number]
    until = until_of(step, now, look.aws.blue_green, minute=uow.minute)
    changes: dict[str, Any] = {"started_at": now, "until": until}
    if step.kind is StepKind.HOOK:
        changes["execution_id"] = uow.ids.unique()
    look.change(number, StepMove.BEGIN, **changes)
    if step.kind is StepKind.READY:
        move = Move(event=DeploymentEvent.GET_READY, at=now, actor=ACTOR)
        look.deployment = uow.deployments.on(look.deployment, move)
    if step.kind is StepKind.TERMINATION:
        uow.deployments.keep_blue(id_)
    if step.kind in WAITS:
        return True
    uow.courses.forget_troubles(id_)
    segment = segment_of(number)
    is_hook = step.kind is StepKind.HOOK
    for target in uow.leases.dispatch_step(id_, segment, at=now, first_only=is_hook):
        want_step(uow, id_, target, segment)
    uow.deployments.settle(look.deployment, wake_at=until)
    return False


def _schedule(look: _Advance) -> None:
    """Set when each shift is due, counted from the first one, which has just been made."""
    config = look.uow.catalog_of(look.deployment.region).config(look.deployment.config_name)
    if config.traffic_routing is None:
        raise AssertionError(config.name)
    planned = plan_shifts(config.traffic_routing, look.now, minute=look.uow.minute)
    numbers = [shift.number for shift in shifts_of(look.course, look.now)]
    due = {n: shift.due_at for n, shift in zip(numbers, planned, strict=True)}
    look.uow.courses.schedule(look.deployment.id, due)
    planned_at = {look.course[number].name: at.isoformat() for number, at in due.items()}
    log.info("scheduled", deployment_id=look.deployment.id, planned_at=planned_at)
    for number, at in due.items():
        look.course[number] = replace(look.course[number], due_at=at)


def _finish(look: _Advance, number: int, found: str) -> None:
    step = look.course[number]
    look.change(number, StepMove.SUCCEED, found, finished_at=look.now)
    if step.kind is StepKind.SHIFT and step.due_at is None:
        _schedule(look)
    if step.kind is StepKind.READY:
        move = Move(event=DeploymentEvent.GO_ON, at=look.now, actor=ACTOR)
        look.deployment = look.uow.deployments.on(look.deployment, move)


def _move_events(look: _Advance, moves: Sequence[tuple[str, EventStatus, EventStatus]]) -> None:
    """Write the moves of lifecycle events on all targets, and record them."""
    changed = [(name, source, to) for name, source, to in moves if source is not to]
    if not changed:
        return
    for target_id in look.uow.targets.ids(look.deployment.id):
        for name, source, to in changed:
            _move_event(look, target_id, name, (source, to))


def _move_event(
    look: _Advance, target_id: TargetId, name: str, way: tuple[EventStatus, EventStatus]
) -> None:
    source, to = way
    begins, ends = source is EventStatus.PENDING, to is EventStatus.SUCCEEDED
    news = EventNews(
        began_at=look.now if begins else None,
        end=EventEnd(move=EventMove.SUCCEED, at=look.now) if ends else None,
    )
    made = look.uow.lifecycle.write(look.deployment.id, target_id, name, news)
    look.uow.history.record(
        look.deployment.id, [event_move(target_id, name, one, look.now, "") for one in made]
    )


def _succeed(look: _Advance) -> None:
    targets = look.uow.targets.going_on(look.deployment.id)
    for target in targets:
        for event in target.events:
            if event.status not in FINAL_EVENT_STATUSES:
                _move_event(look, target.id, event.name, (event.status, EventStatus.SUCCEEDED))
    for target in targets:
        look.uow.targets.complete(target, TargetEvent.SUCCEED, at=look.now, message="")
    move = Move(event=DeploymentEvent.SUCCEED, at=look.now, actor=ACTOR)
    look.deployment = end_deployment(look.deployment, move, None, uow=look.uow)


@dataclass(frozen=True, slots=True)
class _End:
    event: DeploymentEvent
    code: ErrorCode
    reason: str
    rollback: RollbackEvent


def _end(look: _Advance, end: _End) -> None:
    close_course(look.deployment.id, end.reason, uow=look.uow)
    move = Move(event=end.event, at=look.now, actor=ACTOR, reason=end.reason, error_code=end.code)
    end_deployment(look.deployment, move, end.rollback, uow=look.uow)
    look.deployment = look.uow.deployments.get(look.deployment.id)
    say_what_is_left(look.deployment, look.uow)
