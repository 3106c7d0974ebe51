"""In-place: every documented example, and the properties that hold for any fleet."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.configs import PREDEFINED, MinimumHealthy, MinimumHealthyType
from tidegate.domain.deployment import ErrorCode
from tidegate.domain.fleet import Fleet
from tidegate.domain.steps import Fail, LookAgain, StartTargets, Succeed
from tidegate.planning.in_place import (
    DEPLOYMENT_LIMIT,
    MOST_AT_ONCE,
    MOST_QUEUED,
    check_start,
    plan_in_place,
)

COUNT, PERCENT = MinimumHealthyType.HOST_COUNT, MinimumHealthyType.FLEET_PERCENT
ONE = PREDEFINED["CodeDeployDefault.OneAtATime"].minimum_healthy
HALF = PREDEFINED["CodeDeployDefault.HalfAtATime"].minimum_healthy
ALL = PREDEFINED["CodeDeployDefault.AllAtOnce"].minimum_healthy

fleets = st.builds(
    Fleet,
    waiting=st.integers(0, 120),
    running=st.integers(0, 50),
    succeeded=st.integers(0, 50),
    failed=st.integers(0, 50),
).filter(lambda fleet: fleet.total > 0)
minimums = st.integers(0, 120)


def plan(fleet, minimum):
    return list(plan_in_place(fleet, minimum))


def deploy(total, minimum, fails):
    """Play a whole deployment; *fails* tells of the n-th target that ends whether it failed.

    Returns the verdict and how many ran at once at most.
    """
    fleet, ended, most = Fleet(waiting=total), 0, 0
    while True:
        for step in plan(fleet, minimum):
            if not isinstance(step, StartTargets):
                return step, most
            fleet = replace(
                fleet, waiting=fleet.waiting - step.count, running=fleet.running + step.count
            )
        most = max(most, fleet.running)
        ended += 1
        outcome = "failed" if fails(ended) else "succeeded"
        fleet = replace(fleet, running=fleet.running - 1, **{outcome: getattr(fleet, outcome) + 1})


def none(_):
    return False


def first(count):
    return lambda ended: ended <= count


def last(count, total):
    return lambda ended: ended > total - count


EXAMPLES = [
    pytest.param((10, ONE, 9, 1, first(1), last(1, 10)), id="one at a time of 10"),
    pytest.param((1, ONE, 0, 1, first(1), none), id="one at a time of 1"),
    pytest.param((9, HALF, 5, 4, first(4), last(4, 9)), id="half at a time of 9"),
    pytest.param(
        (9, HALF, 5, 4, last(5, 9), last(4, 9)), id="half at a time of 9, five at the end"
    ),
    pytest.param((7, ALL, 0, 7, first(7), first(6)), id="all at once"),
    pytest.param((10, MinimumHealthy(COUNT, 8), 8, 2, first(2), last(2, 10)), id="8 of 10"),
    pytest.param((9, MinimumHealthy(COUNT, 6), 6, 3, first(4), last(3, 9)), id="6 of 9"),
    pytest.param((9, MinimumHealthy(PERCENT, 40), 4, 5, first(6), last(5, 9)), id="40 % of 9"),
    pytest.param((10, MinimumHealthy(COUNT, 3), 3, 7, first(7), last(7, 10)), id="3 of 10"),
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_documented_example(example):
    total, config, minimum, at_once, too_many, enough = example
    assert config.of(total) == minimum
    assert deploy(total, minimum, none) == (Succeed(), at_once)
    assert isinstance(deploy(total, minimum, enough)[0], Succeed)
    verdict, _ = deploy(total, minimum, too_many)
    assert isinstance(verdict, Fail)
    assert verdict.code is ErrorCode.HEALTH_CONSTRAINTS


@pytest.mark.parametrize(
    ("total", "config", "minimum"),
    [
        pytest.param(1, MinimumHealthy(COUNT, 1), 1, id="1 of 1"),
        pytest.param(10, MinimumHealthy(PERCENT, 95), 10, id="95 % of 10"),
    ],
)
def test_a_fleet_that_may_lose_nobody_is_refused_before_anything_is_touched(total, config, minimum):
    refusal = check_start(total, config.of(total), is_predefined=False)

    assert config.of(total) == minimum
    assert refusal.code is ErrorCode.HEALTH_CONSTRAINTS_INVALID


def test_half_of_one_fails_by_the_rule_as_a_predefined_config_is_not_refused():
    assert check_start(1, HALF.of(1), is_predefined=True) is None
    assert isinstance(deploy(1, HALF.of(1), none)[0], Fail)


def test_nobody_to_deploy_to_is_said():
    assert check_start(0, 0, is_predefined=True).code is ErrorCode.NO_INSTANCES


def test_seven_go_first_and_the_other_three_as_they_end():
    assert plan(Fleet(waiting=10), 3) == [StartTargets(7)]
    assert plan(Fleet(waiting=3, running=6, succeeded=1), 3) == [StartTargets(1)]
    assert plan(Fleet(waiting=3, running=7), 3) == []


def test_the_next_host_starts_as_soon_as_one_ends():
    assert plan(Fleet(waiting=5, running=3, succeeded=1), 5) == [StartTargets(1)]


def test_what_runs_may_end_after_too_many_have_failed():
    assert plan(Fleet(waiting=4, running=1, failed=4), 5) == []
    assert isinstance(plan(Fleet(waiting=4, succeeded=1, failed=4), 5)[0], Fail)


def test_after_twelve_hours_a_deployment_has_failed_whatever_runs():
    late = DEPLOYMENT_LIMIT + timedelta(seconds=1)

    steps = plan(Fleet(running=3, waiting=2, in_progress_for=late), 0)

    assert [step.code for step in steps] == [ErrorCode.TIMEOUT]


def test_of_thousands_that_may_start_a_few_hundred_are_queued_and_more_as_workers_take_them():
    rest = 10_000 - MOST_QUEUED
    assert plan(Fleet(waiting=rest, running=MOST_QUEUED, queued=MOST_QUEUED), 0) == [LookAgain()]
    taken = Fleet(waiting=rest, running=MOST_QUEUED, queued=MOST_QUEUED - 30)
    assert plan(taken, 0) == [StartTargets(30), LookAgain()]
    last = Fleet(waiting=30, running=9_970, queued=MOST_QUEUED - 30)
    assert plan(last, 0) == [StartTargets(30)]


def test_a_decision_starts_some_and_leaves_the_others_to_the_next_at_once():
    some = StartTargets(MOST_AT_ONCE)

    assert plan(Fleet(waiting=10_000), 0) == [some, LookAgain(at_once=True)]
    queued = MOST_QUEUED - MOST_AT_ONCE
    fleet = Fleet(waiting=10_000, running=queued, queued=queued)
    assert plan(fleet, 0) == [some, LookAgain()]
    assert plan(Fleet(waiting=MOST_AT_ONCE), 0) == [some]


def test_the_reason_of_a_failure_has_the_numbers():
    (step,) = plan(Fleet(waiting=2, failed=2, succeeded=1), 3)

    assert "2 of 5 failed and at least 3 must stay healthy" in step.reason


@given(fleets, minimums)
def test_safety_starting_never_leaves_too_few_healthy(fleet, minimum):
    started = sum(step.count for step in plan(fleet, minimum) if isinstance(step, StartTargets))

    if started:
        assert fleet.total - fleet.failed - fleet.running - started >= minimum
        assert started <= fleet.waiting


@given(fleets, minimums)
def test_progress_a_plan_is_empty_only_while_something_runs(fleet, minimum):
    assert plan(fleet, minimum) or fleet.running


@given(fleets, minimums)
def test_progress_as_many_start_as_may(fleet, minimum):
    steps = plan(fleet, minimum)

    started = sum(step.count for step in steps if isinstance(step, StartTargets))
    room = fleet.total - fleet.failed - fleet.running - minimum
    assert started == max(min(fleet.waiting, room, MOST_AT_ONCE), 0)


@given(st.integers(1, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_safety_no_more_wait_for_a_worker_than_may_and_the_rest_is_not_forgotten(
    waiting, running, queued
):
    fleet = Fleet(waiting=waiting, running=max(running, queued), queued=queued)

    steps = plan(fleet, 0)

    started = sum(step.count for step in steps if isinstance(step, StartTargets))
    assert queued + started <= max(queued, MOST_QUEUED)
    again = [step for step in steps if isinstance(step, LookAgain)]
    assert bool(again) == (started < waiting)
    assert again != [LookAgain(at_once=True)] or queued + started < MOST_QUEUED


@given(fleets, minimums)
def test_safety_an_end_is_planned_only_when_nothing_runs_and_stands_alone(fleet, minimum):
    steps = plan(fleet, minimum)

    if any(isinstance(step, Succeed | Fail) for step in steps):
        assert not fleet.running
        assert len(steps) == 1


@given(fleets, minimums)
def test_safety_success_means_enough_healthy_and_nobody_left_out(fleet, minimum):
    if plan(fleet, minimum) == [Succeed()]:
        assert not fleet.waiting
        assert fleet.succeeded
        assert fleet.total - fleet.failed >= minimum


@given(st.integers(1, 40), st.integers(0, 40), st.sets(st.integers(1, 40)))
def test_progress_every_deployment_ends_and_rightly(total, minimum, failing):
    verdict, most = deploy(total, minimum, lambda ended: ended in failing)

    assert most <= max(total - minimum, 0)
    if not failing and minimum < total:
        assert verdict == Succeed()
