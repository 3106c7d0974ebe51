"""The ECS driver when it dies, stands still or hears nothing, in the middle of something."""

import pytest

from contract.traffic.ecs_course import RESTORE, STEPS, outcome
from contract.traffic.ecs_way import VERBS, Way
from parts.aws_faults import dies_after, times_out
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Done, Failed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", VERBS)
def test_whoever_dies_after_any_call_is_followed_by_another(way: Way, name: str):
    for number, _, _ in way.each_call(name, dies_after):
        done = way.course.until_done(VERBS[name])

        assert outcome(way.course.account) == way.ends[name], number
        assert done.note == "", number


@pytest.mark.parametrize("name", [one for one in STEPS if one != "finish"])
def test_the_way_back_begins_wherever_somebody_died(way: Way, name: str):
    for number, _, _ in way.each_call(name, dies_after):
        done = way.course.until_done(RESTORE)

        assert outcome(way.course.account) == way.untouched, number
        assert done.note == "", number


@pytest.mark.parametrize("name", VERBS)
def test_an_answer_that_is_lost_is_asked_for_again(way: Way, name: str):
    for number, answer, _ in way.each_call(name, times_out):
        if not isinstance(answer, Done):
            assert isinstance(answer, Failed), number
            assert (answer.code, answer.may_pass) == (ErrorCode.INTERNAL_ERROR, True), number
        way.course.until_done(VERBS[name])

        assert outcome(way.course.account) == way.ends[name], number


@pytest.mark.parametrize("name", [*STEPS, "restore"])
def test_whoever_loses_it_in_the_middle_is_followed_by_another(way: Way, name: str):
    for number, (answer, changes) in enumerate(way.each_change(name)):
        assert isinstance(answer, Failed), number
        assert answer.may_pass, number
        assert "showed no life for a moment, so it did not call " in answer.message, number
        assert len(changes) == number
        way.course.until_done(VERBS[name])

        assert outcome(way.course.account) == way.ends[name], number
