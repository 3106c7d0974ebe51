"""The ECS driver when it dies in the middle, and when AWS does not do as it is asked."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from moto import mock_aws

from contract.traffic.ecs_course import LOOK, RESTORE, STEPS, Course, Verb, outcome
from parts.aws_faults import Died, Fault, counted, dies_after, says, times_out
from parts.ecs_account import Saved, make_account
from tidegate.domain.deployment import ErrorCode
from tidegate.drivers.traffic import Answer, Done, Failed, Running
from tidegate.testing.aws.ecs import like_aws

MOST_CALLS = 60
VERBS: dict[str, Verb] = {"look": LOOK, **STEPS, "restore": RESTORE}


@dataclass
class Way:
    """One course, that every phase of it can be gone from any number of times."""

    course: Course
    untouched: dict[str, Any]
    starts: dict[str, Saved]
    """How the account stands before each verb."""
    ends: dict[str, dict[str, Any]]
    """What it looks like after it, where nothing went wrong."""

    def each_call(self, name: str, fault: Fault) -> Iterator[tuple[int, Answer | None]]:
        """Yield for each call of AWS that a verb makes what came of the fault that met it there.

        A verb that is still on its way is called again, so that no call of it is left out.
        """
        for number in range(1, MOST_CALLS):
            self.starts[name].again()
            with counted(fault, at=number) as calls:
                answer = self._answer(VERBS[name])
            if len(calls.made) < number:
                assert number > 3
                return
            yield number, answer
        raise AssertionError("it never ends")

    def _answer(self, verb: Verb) -> Answer | None:
        try:
            while True:
                answer = verb(self.course.driver, self.course.errand)
                if not isinstance(answer, Running):
                    return answer
        except Died:
            return None


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    with like_aws(), mock_aws():
        account = make_account()
        untouched = outcome(account)
        course = Course.looked(account)
        starts, ends = {}, {}
        for name, verb in VERBS.items():
            if name == "restore":
                starts["finish"].again()
            starts[name] = Saved()
            course.until_done(verb)
            ends[name] = outcome(account)
        yield Way(course, untouched, starts, ends)


@pytest.mark.parametrize("name", VERBS)
def test_whoever_dies_after_any_call_is_followed_by_another(way: Way, name: str):
    for number, _ in way.each_call(name, dies_after):
        done = way.course.until_done(VERBS[name])

        assert outcome(way.course.account) == way.ends[name], number
        assert done.note == "", number


@pytest.mark.parametrize("name", [one for one in STEPS if one != "finish"])
def test_the_way_back_begins_wherever_somebody_died(way: Way, name: str):
    for number, _ in way.each_call(name, dies_after):
        done = way.course.until_done(RESTORE)

        assert outcome(way.course.account) == way.untouched, number
        assert done.note == "", number


def gone(operation: str, call: Any) -> Any:
    """What was asked for is not there any more."""
    if operation.endswith(("TaskSet", "TaskSets", "Services", "Tasks")):
        return says("ClusterNotFoundException")(operation, call)
    return says("TargetGroupNotFound")(operation, call)


@pytest.mark.parametrize("name", VERBS)
def test_an_answer_that_is_lost_is_asked_for_again(way: Way, name: str):
    for number, answer in way.each_call(name, times_out):
        if not isinstance(answer, Done):
            assert isinstance(answer, Failed), number
            assert (answer.code, answer.may_pass) == (ErrorCode.INTERNAL_ERROR, True), number
        way.course.until_done(VERBS[name])

        assert outcome(way.course.account) == way.ends[name], number


AWAY = {ErrorCode.INVALID_ECS_SERVICE, ErrorCode.ELASTIC_LOAD_BALANCING_INVALID}
FAULTS: dict[str, tuple[Fault, bool, set[ErrorCode]]] = {
    "throttled": (says("ThrottlingException"), True, {ErrorCode.THROTTLED}),
    "500": (says("ServerException", 500), True, {ErrorCode.INTERNAL_ERROR}),
    "denied": (says("AccessDeniedException"), False, {ErrorCode.IAM_ROLE_PERMISSIONS}),
    "gone": (gone, False, AWAY),
}


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", VERBS)
def test_a_fault_is_told_at_any_call(way: Way, name: str, kind: str):
    fault, may_pass, codes = FAULTS[kind]
    failures = 0
    for number, answer in way.each_call(name, fault):
        # Only what is asked for a note may be done without.
        if isinstance(answer, Failed):
            assert answer.may_pass is may_pass, number
            assert answer.code in codes, number
            failures += 1

    assert failures > 3


@pytest.mark.parametrize(
    ("operation", "named"),
    [
        ("DescribeServices", "the service shop:web"),
        ("DescribeListeners", "the listener arn:"),
        ("DescribeRules", "the listener arn:"),
        ("ModifyListener", "the listener arn:"),
        ("UpdateServicePrimaryTaskSet", "the task set arn:"),
    ],
)
def test_an_error_names_the_call_and_what_it_was_for(way: Way, operation: str, named: str):
    way.starts["shift 100"].again()
    with counted(says("AccessDeniedException"), at=operation):
        answer = way.course.driver.shift(way.course.errand, 100)

    assert isinstance(answer, Failed)
    assert f"AccessDeniedException to {operation} for {named}" in answer.message
    assert answer.message.endswith(f"; allow {operation} on it.")


def test_tasks_that_cannot_be_asked_are_no_reason_to_give_up(way: Way):
    way.starts["prepare"].again()
    way.course.driver.prepare(way.course.errand)

    with counted(says("AccessDeniedException"), at="ListTasks"):
        answer = way.course.driver.prepare(way.course.errand)

    assert isinstance(answer, Running)
    assert answer.note.endswith(
        "Whether tasks of it have stopped is not known: ECS answered AccessDeniedException to"
        " ListTasks for the tasks of the service shop:web (made up)."
    )


def test_tags_that_cannot_be_read_are_told_of(way: Way):
    """The role that AWS has for CodeDeploy may not read them."""
    way.starts["prepare"].again()
    with counted(says("AccessDeniedException"), at="DescribeTaskSets"):
        way.course.driver.prepare(way.course.errand)
        answer = way.course.driver.prepare(way.course.errand)

    assert isinstance(answer, Running)
    assert "The new task set has none of the original one's tags: ECS answered" in answer.note
    assert [len(one.get("tags", ())) for one in way.course.account.task_sets()] == [1, 0]
