"""Traffic in steps: every predefined config as documented, and what holds for any config."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.domain.configs import PREDEFINED, TrafficRouting, TrafficType
from tidegate.planning.traffic import (
    ALL,
    Arrived,
    Move,
    WaitUntil,
    moved,
    next_shift,
    plan_shifts,
    promoted,
)

START = datetime(2026, 11, 26, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINEAR_10 = [(10 * (step + 1), step) for step in range(10)]
DOCUMENTED = {
    "ECSAllAtOnce": [(100, 0)],
    "ECSCanary10Percent5Minutes": [(10, 0), (100, 5)],
    "ECSCanary10Percent15Minutes": [(10, 0), (100, 15)],
    "ECSLinear10PercentEvery1Minutes": LINEAR_10,
    "ECSLinear10PercentEvery3Minutes": [(weight, 3 * step) for weight, step in LINEAR_10],
    "LambdaAllAtOnce": [(100, 0)],
    "LambdaCanary10Percent5Minutes": [(10, 0), (100, 5)],
    "LambdaCanary10Percent10Minutes": [(10, 0), (100, 10)],
    "LambdaCanary10Percent15Minutes": [(10, 0), (100, 15)],
    "LambdaCanary10Percent30Minutes": [(10, 0), (100, 30)],
    "LambdaLinear10PercentEvery1Minute": LINEAR_10,
    "LambdaLinear10PercentEvery2Minutes": [(weight, 2 * step) for weight, step in LINEAR_10],
    "LambdaLinear10PercentEvery3Minutes": [(weight, 3 * step) for weight, step in LINEAR_10],
    "LambdaLinear10PercentEvery10Minutes": [(weight, 10 * step) for weight, step in LINEAR_10],
}

routings = st.one_of(
    st.just(TrafficRouting(TrafficType.ALL_AT_ONCE)),
    st.builds(
        TrafficRouting,
        st.sampled_from([TrafficType.CANARY, TrafficType.LINEAR]),
        st.integers(1, 99),
        st.integers(1, 2880),
    ),
)
moments = st.timedeltas(timedelta(minutes=-10), timedelta(days=200))


def told(shifts):
    return [(shift.weight, (shift.due_at - START) / MINUTE) for shift in shifts]


def linear(percentage, interval=1):
    return plan_shifts(TrafficRouting(TrafficType.LINEAR, percentage, interval), START)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_predefined_config_moves_as_documented(name):
    routing = PREDEFINED[f"CodeDeployDefault.{name}"].traffic_routing

    assert told(plan_shifts(routing, START)) == DOCUMENTED[name]


def test_every_predefined_config_that_moves_traffic_is_documented():
    moving = {name for name, config in PREDEFINED.items() if config.traffic_routing}

    assert moving == {f"CodeDeployDefault.{name}" for name in DOCUMENTED}


@pytest.mark.parametrize(
    ("percentage", "weights"),
    [(30, [30, 60, 90, 100]), (25, [25, 50, 75, 100]), (99, [99, 100]), (50, [50, 100])],
)
def test_a_linear_shift_ends_with_all(percentage, weights):
    assert [shift.weight for shift in linear(percentage)] == weights


def test_a_minute_may_last_a_second():
    routing = TrafficRouting(TrafficType.CANARY, 10, 5)

    shifts = plan_shifts(routing, START, minute=timedelta(seconds=1))

    assert shifts[1].due_at - START == timedelta(seconds=5)


@given(routings)
def test_weights_rise_to_all_and_times_with_them(routing):
    shifts = plan_shifts(routing, START)

    weights = [shift.weight for shift in shifts]
    assert weights == sorted(set(weights))
    assert weights[-1] == ALL
    assert all(0 < weight <= ALL for weight in weights)
    assert [shift.number for shift in shifts] == list(range(len(shifts)))
    assert shifts[0].due_at == START
    assert all(a.due_at < b.due_at for a, b in pairwise(shifts))


@given(routings, st.lists(moments, min_size=1, max_size=30))
def test_whoever_looks_whenever_no_step_is_made_twice_or_back(routing, looks):
    shifts, done, made = plan_shifts(routing, START), None, []
    for look in sorted(looks):
        now = START + look
        step = next_shift(shifts, now, done=done)
        if isinstance(step, Move):
            assert step.shift.due_at <= now
            done = step.shift.number
            made.append(step.shift)
        elif isinstance(step, WaitUntil):
            assert step.at > now
        else:
            assert made[-1].weight == ALL
    numbers = [shift.number for shift in made]
    assert numbers == sorted(set(numbers))
    assert not made or made[0].number == 0


@given(routings, moments)
def test_going_on_until_there_is_nothing_to_do_arrives(routing, late):
    shifts, now, done = plan_shifts(routing, START), START + late, None
    for _ in range(len(shifts) * 2 + 1):
        match next_shift(shifts, now, done=done):
            case Move(shift):
                done = shift.number
            case WaitUntil(at):
                now = at
            case Arrived():
                break
    assert done == shifts[-1].number
    assert next_shift(shifts, now, done=done) == Arrived()


def test_who_slept_through_three_steps_makes_one():
    shifts = linear(10)

    step = next_shift(shifts, START + 4.5 * MINUTE, done=1)

    assert step == Move(shifts[4])
    assert next_shift(shifts, START + 4.5 * MINUTE, done=4) == WaitUntil(START + 5 * MINUTE)


def test_the_first_share_is_not_left_out_however_late():
    shifts = plan_shifts(TrafficRouting(TrafficType.CANARY, 10, 5), START)
    late = START + 60 * MINUTE

    assert next_shift(shifts, late) == Move(shifts[0])


def test_a_pause_moves_what_is_to_come():
    shifts = moved(linear(25), 1, by=7 * MINUTE)

    assert told(shifts) == [(25, 0), (50, 1), (75, 9), (100, 10)]


def test_a_promotion_makes_the_next_step_due_and_keeps_the_distances():
    now = START + 0.5 * MINUTE

    shifts = promoted(linear(25), 0, now)

    assert told(shifts) == [(25, 0), (50, 0.5), (75, 1.5), (100, 2.5)]
    assert next_shift(shifts, now, done=0) == Move(shifts[1])


@given(routings, st.data())
def test_a_full_promotion_goes_to_all_at_once(routing, data):
    shifts = plan_shifts(routing, START)
    done = data.draw(st.sampled_from([None, *range(len(shifts))]))
    now = START + data.draw(moments)

    after_it = promoted(shifts, done, now, full=True)

    if done == len(shifts) - 1:
        assert after_it == shifts
    else:
        step = next_shift(after_it, now, done=done)
        assert isinstance(step, Move)
        assert after_it[-1].weight == ALL
        assert after_it[-1].due_at == now
        assert [s for s in after_it if done is None or s.number > done] == [after_it[-1]]
