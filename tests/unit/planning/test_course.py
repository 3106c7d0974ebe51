"""The course of a deployment that moves traffic: its steps, their order, and what comes next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.aws_group import (
    BlueGreen,
    InstanceAction,
    ReadyAction,
    TerminateBlue,
    WhenReady,
)
from tidegate.domain.configs import TrafficRouting, TrafficType
from tidegate.domain.course import (
    STEP_MACHINE,
    Badly,
    CourseStep,
    Outcome,
    Standing,
    StepKind,
    StepMove,
    StepStatus,
    Well,
    Word,
)
from tidegate.domain.deployment import ComputePlatform, ErrorCode
from tidegate.domain.lifecycle import ECS_EVENTS, LAMBDA_EVENTS, EventStatus, traffic_events
from tidegate.planning.course import (
    HOOK_FAILED,
    Arrive,
    Await,
    Begin,
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

START = datetime(2026, 11, 26, 8, tzinfo=UTC)
AT_ONCE = TrafficRouting(TrafficType.ALL_AT_ONCE)
CANARY = TrafficRouting(TrafficType.CANARY, 10, 5)
LAMBDA = Plan(platform=ComputePlatform.LAMBDA, routing=CANARY)
ECS = Plan(platform=ComputePlatform.ECS, routing=AT_ONCE)
ALL_HOOKS = {event: f"hook-{event}" for event in ECS_EVENTS}


def told(plan: Plan) -> list[str]:
    """The steps of a course in short: kind, and hook or weight."""
    return [
        " ".join(filter(None, (step.kind, step.hook, "" if not step.weight else f"{step.weight}")))
        for step in plan_course(plan)
    ]


def test_a_canary_of_a_function_has_two_shifts_between_its_hooks():
    hooks = {"BeforeAllowTraffic": "before", "AfterAllowTraffic": "after", "Install": "never"}

    assert told(replace(LAMBDA, hooks=hooks)) == [
        "look", "hook before", "shift 10", "shift 100", "hook after"
    ]  # fmt: skip
    assert told(LAMBDA) == ["look", "shift 10", "shift 100"]


def test_a_service_goes_through_all_of_it():
    ready = WhenReady(ReadyAction.STOP_DEPLOYMENT, 30)
    terminate = TerminateBlue(InstanceAction.TERMINATE, 5)
    plan = replace(
        ECS,
        hooks=ALL_HOOKS,
        has_test_traffic=True,
        blue_green=BlueGreen(ready=ready, terminate=terminate),
    )

    assert told(plan) == [
        "look", "hook hook-BeforeInstall", "prepare", "hook hook-AfterInstall", "test",
        "hook hook-AfterAllowTestTraffic", "ready", "hook hook-BeforeAllowTraffic", "shift 100",
        "hook hook-AfterAllowTraffic", "termination", "finish",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("blue_green", "rest"),
    [
        (None, ["finish"]),
        (BlueGreen(ready=WhenReady()), ["finish"]),
        (BlueGreen(terminate=TerminateBlue(InstanceAction.KEEP_ALIVE, 5)), []),
        (
            BlueGreen(terminate=TerminateBlue(InstanceAction.TERMINATE, 5)),
            ["termination", "finish"],
        ),
    ],
)
def test_what_becomes_of_the_old_side_is_the_groups_word(blue_green, rest):
    assert told(replace(ECS, blue_green=blue_green)) == ["look", "prepare", "shift 100", *rest]


class Journey:
    """Goes through a course as the engine does, with a clock of its own."""

    def __init__(self, course: tuple[CourseStep, ...], plan: Plan) -> None:
        self.course, self.plan, self.now = list(course), plan, START
        self.began: list[tuple[int, datetime]] = []

    def move(self, number: int, move: StepMove, **changes) -> None:
        step = self.course[number]
        self.course[number] = replace(step, status=STEP_MACHINE.after(step.status, move), **changes)

    def begin(self, begin: Begin) -> None:
        for number in begin.left_out:
            self.move(number, StepMove.SKIP)
        step = self.course[begin.number]
        until = until_of(step, self.now, self.plan.blue_green)
        self.move(begin.number, StepMove.BEGIN, until=until, started_at=self.now)
        self.began.append((begin.number, self.now))

    def finish(self, number: int) -> None:
        self.move(number, StepMove.SUCCEED)
        step = self.course[number]
        if step.kind is StepKind.SHIFT and step.due_at is None:
            numbers = [one.number for one in shifts_of(self.course, self.now)]
            for at, shift in zip(numbers, plan_shifts(self.plan.routing, self.now), strict=True):
                self.course[at] = replace(self.course[at], due_at=shift.due_at)

    def once(self, outcome=None):
        """Do what comes next; return it."""
        move = next_move(self.course, self.now, outcome=outcome)
        match move:
            case Begin():
                self.begin(move)
            case Finish(number):
                self.finish(number)
            case Await(until):
                assert until > self.now
            case _:
                pass
        return move


PLANS = st.builds(
    Plan,
    platform=st.sampled_from([ComputePlatform.LAMBDA, ComputePlatform.ECS]),
    routing=st.one_of(
        st.just(AT_ONCE),
        st.builds(
            TrafficRouting,
            st.sampled_from([TrafficType.CANARY, TrafficType.LINEAR]),
            st.integers(1, 99),
            st.integers(1, 30),
        ),
    ),
    hooks=st.dictionaries(st.sampled_from(ECS_EVENTS), st.just("hook")),
    blue_green=st.one_of(
        st.none(),
        st.builds(
            BlueGreen,
            ready=st.builds(WhenReady, st.sampled_from(ReadyAction), st.integers(1, 9)),
            terminate=st.builds(TerminateBlue, st.sampled_from(InstanceAction), st.integers(0, 9)),
        ),
    ),
    has_test_traffic=st.booleans(),
)


ORDER = [EventStatus.PENDING, EventStatus.IN_PROGRESS, EventStatus.SUCCEEDED]


def travel(journey: Journey, sleeps: list[int]) -> None:
    """Go to the end, and see at each move that no event turns back or overtakes another."""
    events = traffic_events(journey.plan.platform, has_test_traffic=journey.plan.has_test_traffic)
    seen = [0] * len(events)
    for turn in range(2000):
        begun = [s.kind for s in journey.course if s.status is StepStatus.IN_PROGRESS]
        # All that waits for a word hears it; the old side is kept for its time.
        move = journey.once(None if begun == [StepKind.TERMINATION] else Well())
        now = [ORDER.index(status) for status in statuses_of(journey.course, events).values()]
        assert all(after >= before for before, after in zip(seen, now, strict=True))
        assert now == sorted(now, reverse=True)
        seen = now
        if isinstance(move, Arrive):
            assert set(seen) == {2}
            return
        journey.now += timedelta(minutes=sleeps[turn % len(sleeps)])
        if isinstance(move, Await):
            journey.now = max(journey.now, move.until)
    raise AssertionError(journey.course)


@given(plan=PLANS, sleeps=st.lists(st.integers(0, 40), min_size=1, max_size=30))
def test_every_course_arrives_and_never_turns_back(plan: Plan, sleeps: list[int]):
    journey = Journey(plan_course(plan), plan)

    travel(journey, sleeps)

    numbers = [number for number, _ in journey.began]
    assert numbers == sorted(set(numbers))
    begun = [journey.course[number] for number in numbers]
    weights = [step.weight for step in begun if step.kind is StepKind.SHIFT]
    assert all(one < two for one, two in pairwise(weights))
    assert weights[0] == next(s.weight for s in journey.course if s.kind is StepKind.SHIFT)
    assert weights[-1] == 100


def test_shifts_begin_when_they_are_due_and_not_before():
    journey = Journey(plan_course(LAMBDA), LAMBDA)
    while not any(journey.course[number].weight == 10 for number, _ in journey.began):
        journey.once(Well())
    assert journey.once(Well()) == Finish(1)

    assert journey.once() == Await(START + timedelta(minutes=5))
    journey.now = START + timedelta(minutes=5)
    assert journey.once() == Begin(2)


def test_a_control_plane_that_was_away_makes_one_shift_to_where_it_should_be():
    plan = replace(LAMBDA, routing=TrafficRouting(TrafficType.LINEAR, 10, 1))
    journey = Journey(plan_course(plan), plan)
    for _ in range(4):
        journey.once(Well())
    journey.now = START + timedelta(minutes=3, seconds=30)

    assert journey.once() == Begin(4, left_out=(2, 3))
    assert [step.status for step in journey.course[1:5]] == [
        StepStatus.SUCCEEDED, StepStatus.SKIPPED, StepStatus.SKIPPED, StepStatus.IN_PROGRESS,
    ]  # fmt: skip


def test_what_goes_wrong_ends_it():
    journey = Journey(plan_course(LAMBDA), LAMBDA)
    journey.once()
    outcome = Badly(ErrorCode.INVALID_LAMBDA_CONFIGURATION, "no")

    assert journey.once(outcome) == GiveUp(0, ErrorCode.INVALID_LAMBDA_CONFIGURATION, "no")


def test_an_old_side_that_stays_is_no_failure():
    course = begun(StepKind.FINISH, 60)

    move = next_move(course, START, outcome=Badly(ErrorCode.ECS_UPDATE_ERROR, "It is busy."))
    assert move == Finish(
        0, "It is busy. The original task set is left; delete it before the next deployment."
    )


def begun(kind: StepKind, minutes: int) -> list[CourseStep]:
    return [
        CourseStep(
            number=0,
            kind=kind,
            event="",
            status=StepStatus.IN_PROGRESS,
            started_at=START,
            until=START + timedelta(minutes=minutes),
        )
    ]


def test_a_wait_is_told_in_minutes_of_the_group_however_long_they_last():
    course = begun(StepKind.READY, 2)

    move = next_move(course, START + timedelta(minutes=2), minute=timedelta(seconds=4))

    assert isinstance(move, Expire)
    assert move.reason.endswith("This time out period is 30 minutes.")


@pytest.mark.parametrize(
    ("kind", "told"), [(StepKind.RESTORE, "A rule is gone. So is a listener."), (StepKind.TEST, "")]
)
def test_what_the_way_back_has_left_alone_is_told(kind: StepKind, told: str):
    standings = [Standing(True, note=note) for note in ("A rule is gone.", "", "So is a listener.")]
    course = begun(kind, 60)

    move = next_move(course, START, outcome=outcome_of(course[0], standings))

    assert isinstance(move, Finish)
    assert move.remark == told


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        (Word.SUCCEEDED, Well()),
        (Word.FAILED, Badly(ErrorCode.HOOK_EXECUTION_FAILURE, HOOK_FAILED)),
        (None, Badly(ErrorCode.THROTTLED, "It is busy.")),
    ],
)
def test_the_word_of_a_hook_counts_more_than_what_its_call_came_to(
    word: Word | None, outcome: Outcome
):
    [step] = begun(StepKind.HOOK, 60)
    busy = Badly(ErrorCode.THROTTLED, "It is busy.")

    assert outcome_of(replace(step, word=word), [Standing(True, failure=busy)]) == outcome


def test_what_is_not_done_in_time_says_what_it_waited_for():
    standings = [Standing(False, note="It hangs."), Standing(True, note="Well."), Standing(False)]
    course = begun(StepKind.FINISH, 60)

    move = next_move(course, START + timedelta(minutes=60), unfinished=unfinished(standings))

    assert isinstance(move, Finish)
    assert move.remark.endswith("remove it by hand if it is still there. It hangs.")


@pytest.mark.parametrize(
    ("kind", "then"),
    [
        (StepKind.TERMINATION, Finish(0)),
        (
            StepKind.READY,
            Expire(
                "The deployment timed out while waiting for a notification to continue. "
                "This time out period is 60 minutes."
            ),
        ),
        (
            StepKind.HOOK,
            GiveUp(
                0,
                ErrorCode.HOOK_EXECUTION_FAILURE,
                "The deployment timed out while waiting for a status callback. CodeDeploy expects "
                "a status callback within one hour after a deployment hook is invoked.",
            ),
        ),
        (
            StepKind.PREPARE,
            GiveUp(
                0,
                ErrorCode.TIMEOUT,
                "The deployment timed out while waiting for the replacement task set to become "
                "healthy. This time out period is 60 minutes.",
            ),
        ),
        (
            StepKind.SHIFT,
            GiveUp(0, ErrorCode.TIMEOUT, "The step shift did not end within an hour."),
        ),
        (
            StepKind.RESTORE,
            GiveUp(0, ErrorCode.TIMEOUT, "The step restore did not end within two hours."),
        ),
    ],
)
def test_each_step_ends_when_its_time_is_over(kind, then):
    course = begun(kind, 60)

    assert next_move(course, START + timedelta(minutes=59)) == Await(START + timedelta(hours=1))
    assert next_move(course, START + timedelta(hours=1)) == then


def test_who_is_paused_begins_nothing_and_is_stopped_at_last():
    until = START + timedelta(hours=48)
    course = plan_course(LAMBDA)

    assert next_move(course, START, paused_until=until) == Await(until)
    assert isinstance(next_move(course, until, paused_until=until), Expire)


def test_what_has_begun_ends_during_a_pause():
    course = begun(StepKind.SHIFT, 60)

    assert next_move(course, START, outcome=Well(), paused_until=START) == Finish(0)


def test_what_the_way_back_left_alone_is_told_once():
    [step] = begun(StepKind.RESTORE, 120)
    standings = [Standing(True, None, 0.0, note) for note in ("One.", "", "Two.", "One.")]

    outcome = outcome_of(step, standings)

    assert outcome == Well((0.0,), "One. Two.")
    assert next_move([step], START, outcome=outcome) == Finish(0, "One. Two.", (0.0,))


def test_a_rollback_restores_and_calls_no_hook():
    course = restoring_course()

    assert [step.kind for step in course] == [StepKind.RESTORE]
    assert statuses_of(course, LAMBDA_EVENTS) == {
        "BeforeAllowTraffic": EventStatus.SUCCEEDED,
        "AllowTraffic": EventStatus.PENDING,
        "AfterAllowTraffic": EventStatus.PENDING,
    }
