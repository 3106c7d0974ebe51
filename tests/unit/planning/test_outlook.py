"""What is still to come: planned times of all steps, and the next thing in one sentence."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tidegate.domain.aws_group import BlueGreen, ReadyAction, TerminateBlue, WhenReady
from tidegate.domain.configs import TrafficRouting, TrafficType
from tidegate.domain.course import CourseStep, StepStatus, Word
from tidegate.domain.deployment import ComputePlatform
from tidegate.planning.course import Plan, plan_course, restoring_course, until_of
from tidegate.planning.outlook import (
    Planned,
    Terms,
    Upcoming,
    first_upcoming,
    next_upcoming,
    planned_times,
)

START = datetime(2026, 11, 26, 8, tzinfo=UTC)
LINEAR = TrafficRouting(TrafficType.LINEAR, 50, 10)
CANARY = TrafficRouting(TrafficType.CANARY, 10, 5)
BLUE_GREEN = BlueGreen(
    terminate=TerminateBlue(wait_minutes=30), ready=WhenReady(ReadyAction.STOP_DEPLOYMENT, 60)
)
HOOKS = {"BeforeAllowTraffic": "check", "AfterAllowTraffic": "look-again"}
LAMBDA = plan_course(Plan(platform=ComputePlatform.LAMBDA, routing=CANARY, hooks=HOOKS))
"""look, hook check, shift 10, shift 100, hook look-again"""
ECS = plan_course(Plan(platform=ComputePlatform.ECS, routing=LINEAR, blue_green=BLUE_GREEN))
"""look, prepare, ready, shift 50, shift 100, termination, finish"""
OF_LAMBDA = Terms(routing=CANARY)
OF_ECS = Terms(routing=LINEAR, blue_green=BLUE_GREEN)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def at(
    course: Sequence[CourseStep],
    number: int,
    status: StepStatus = StepStatus.IN_PROGRESS,
    **changes,
) -> list[CourseStep]:
    """Return a course as it is when the step of that *number* has begun, all before it done."""
    done = [
        replace(step, status=StepStatus.SUCCEEDED, started_at=START, finished_at=START)
        for step in course[:number]
    ]
    begun = replace(course[number], status=status, started_at=START, **changes)
    return [*done, begun, *course[number + 1 :]]


def scheduled(minutes: float = 0) -> list[CourseStep]:
    """The canary whose first share has moved."""
    course = at(LAMBDA, 2, StepStatus.SUCCEEDED, due_at=START)
    return [*course[:3], replace(course[3], due_at=after(5 + minutes)), *course[4:]]


def test_before_the_first_shift_all_times_are_estimates_as_far_apart_as_they_will_be():
    planned = planned_times(LAMBDA, OF_LAMBDA, START)

    assert [one.at for one in planned] == [after(m) for m in (0, 0, 0, 5, 5)]
    assert all(one.is_estimate for one in planned)


def test_an_estimate_goes_by_how_long_a_minute_lasts():
    quick = replace(OF_LAMBDA, minute=timedelta(seconds=1))

    assert planned_times(LAMBDA, quick, START)[3].at == START + timedelta(seconds=5)


def test_a_service_has_its_original_removed_after_the_wait():
    planned = planned_times(ECS, OF_ECS, START)

    assert [one.at for one in planned] == [after(m) for m in (0, 0, 0, 0, 10, 10, 40)]


def test_a_wait_that_has_begun_says_when_the_original_is_removed():
    course = at(ECS, 5, until=after(30))

    assert planned_times(course, OF_ECS, after(12))[6] == Planned(after(30), is_estimate=True)


def test_what_is_scheduled_is_no_estimate_and_what_comes_after_it_is():
    planned = planned_times(scheduled(), Terms(), after(1))

    assert planned[2:] == (
        Planned(START),
        Planned(after(5)),
        Planned(after(5), is_estimate=True),
    )


def test_what_comes_late_keeps_the_time_for_which_it_was_planned():
    assert planned_times(scheduled(), Terms(), after(9))[3:] == (
        Planned(after(5)),
        Planned(after(9), is_estimate=True),
    )


def test_a_pause_moves_what_is_to_come_for_as_long_as_it_lasts():
    terms = Terms(paused_at=after(2), paused_until=after(60))

    assert planned_times(scheduled(), terms, after(3))[3] == Planned(after(6), is_estimate=True)
    assert planned_times(scheduled(), terms, after(4))[3] == Planned(after(7), is_estimate=True)


def test_what_was_left_out_without_a_time_has_none():
    course = [replace(step, status=StepStatus.SKIPPED) for step in LAMBDA]

    assert planned_times(course, Terms(), START)[2] == Planned(None)


@pytest.mark.parametrize(
    ("course", "number", "what"),
    [
        (LAMBDA, 0, "It is looked at how the traffic stands."),
        (LAMBDA, 2, "The replacement gets 10 % of the traffic."),
        (ECS, 6, "The original is removed."),
        (restoring_course(), 0, "The traffic goes back to how it was."),
    ],
)
def test_what_is_being_called_has_no_time(course: Sequence[CourseStep], number: int, what: str):
    assert next_upcoming(at(course, number, until=after(60)), Terms(), START) == Upcoming(what)


@pytest.mark.parametrize(
    ("course", "number", "what", "minutes"),
    [
        (LAMBDA, 1, "The hook check of BeforeAllowTraffic says how it went; else", 60),
        (ECS, 1, "The replacement becomes steady; else the deployment fails then.", 60),
        (ECS, 2, "Somebody lets the traffic move; else the deployment is stopped then.", 60),
        (ECS, 5, "The original is removed.", 30),
    ],
)
def test_what_is_awaited_has_a_time_until_when(course, number: int, what: str, minutes: int):
    until = until_of(course[number], START, BLUE_GREEN)

    found = next_upcoming(at(course, number, until=until), Terms(), START)

    assert found.what.startswith(what)
    assert found.at == after(minutes)


@pytest.mark.parametrize(
    ("course", "number", "word", "what"),
    [
        (ECS, 2, Word.SUCCEEDED, "What was waited for is said, and the deployment goes on."),
        (ECS, 5, Word.SUCCEEDED, "What was waited for is said, and the deployment goes on."),
        (LAMBDA, 1, Word.SUCCEEDED, "What was waited for is said, and the deployment goes on."),
        (LAMBDA, 1, Word.FAILED, "A hook said that it failed, and the deployment fails."),
    ],
)
def test_nobody_is_waited_for_who_has_spoken(course, number: int, word: Word, what: str):
    begun = [
        replace(step, word=word) if step.number == number else step
        for step in at(course, number, until=after(60))
    ]

    assert next_upcoming(begun, Terms(), START) == Upcoming(what)


def test_between_two_shifts_the_next_one_is_next():
    found = next_upcoming(scheduled(), Terms(), after(1))

    assert found == Upcoming("The replacement gets 100 % of the traffic.", after(5))


def test_of_several_that_are_due_the_last_one_is_next():
    course = plan_course(
        Plan(platform=ComputePlatform.LAMBDA, routing=TrafficRouting(TrafficType.LINEAR, 25, 1))
    )
    due = [replace(step, due_at=after(step.number - 1)) for step in course]

    found = next_upcoming(at(due, 1, StepStatus.SUCCEEDED), Terms(), after(2.5))

    assert found == Upcoming("The replacement gets 75 % of the traffic.", after(2))


def test_a_pause_is_what_comes_next_once_nothing_is_under_way():
    terms = Terms(paused_at=after(1), paused_until=after(48 * 60))

    assert next_upcoming(scheduled(), terms, after(2)) == Upcoming(
        "It is paused; unless somebody resumes or promotes it, it is stopped then.", after(48 * 60)
    )
    of_hook = next_upcoming(at(LAMBDA, 1, until=after(60)), terms, after(2))
    assert of_hook.what.endswith("it fails then. After that nothing begins, as it is paused.")
    assert of_hook.at == after(60)
    of_last = next_upcoming(at(LAMBDA, 4, until=after(60)), terms, after(2))
    assert "paused" not in of_last.what


def test_what_holds_it_up_is_said():
    terms = Terms(held_by="The state of errors has not been read yet.")
    sentence = "Nothing begins while this is so: The state of errors has not been read yet."

    assert next_upcoming(scheduled(), terms, after(1)) == Upcoming(sentence)
    assert first_upcoming(terms) == Upcoming(sentence)


def test_before_the_start_and_after_the_last_step():
    done = [replace(step, status=StepStatus.SUCCEEDED) for step in LAMBDA]

    assert first_upcoming(Terms()) == Upcoming("The deployment starts.")
    assert next_upcoming(done, Terms(), START) == Upcoming("The deployment succeeds.", START)
